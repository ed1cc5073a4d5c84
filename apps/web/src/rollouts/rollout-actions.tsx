import { useState } from 'react';
import { useClient } from 'urql';
import { serverErrors, type ServerError } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { allowedOrders, type RolloutDetail, type RolloutOrder } from './rollout.ts';
import { orderMutations } from './rollouts.queries.ts';

const labels: Record<RolloutOrder, string> = {
  pause: 'Pause',
  resume: 'Resume',
  abort: 'Abort',
  rollback: 'Roll back',
};

type Confirmed = 'abort' | 'rollback';

const questions: Record<Confirmed, { action: string; text: string }> = {
  abort: {
    action: 'Abort rollout',
    text: 'No more agents are offered this version. Agents that have it keep it; the fleet keeps its stable version.',
  },
  rollback: {
    action: 'Roll back rollout',
    text: 'Agents that were offered this version are brought back to what they had before.',
  },
};

/** What can be asked of the rollout now. Abort and roll back ask once more. */
export function RolloutActions({ rollout }: { rollout: RolloutDetail }) {
  const client = useClient();
  const [asking, setAsking] = useState<Confirmed | null>(null);
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<ServerError[]>([]);

  const order = async (what: RolloutOrder) => {
    setBusy(true);
    const { error } = await client.mutation(orderMutations[what], { id: rollout.id }).toPromise();
    setBusy(false);
    setErrors(serverErrors(error));
    if (!error) setAsking(null);
  };

  return (
    <>
      {!asking && <ErrorNotice errors={errors} />}
      {allowedOrders(rollout).map((what) => (
        <button
          key={what}
          type="button"
          className={what === 'abort' || what === 'rollback' ? 'button button-danger' : 'button'}
          disabled={busy}
          onClick={() => {
            setErrors([]);
            if (what === 'abort' || what === 'rollback') setAsking(what);
            else void order(what);
          }}
        >
          {labels[what]}
        </button>
      ))}
      {asking && (
        <ConfirmDialog
          title={`${labels[asking]}: ${rollout.configuration} v${rollout.version} to ${rollout.fleet}?`}
          action={questions[asking].action}
          busy={busy}
          errors={errors}
          onConfirm={() => void order(asking)}
          onCancel={() => {
            setAsking(null);
            setErrors([]);
          }}
        >
          <p>{questions[asking].text}</p>
        </ConfirmDialog>
      )}
    </>
  );
}
