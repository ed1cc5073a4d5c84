import { useState } from 'react';
import { useMutation } from 'urql';
import { agentTitle, versionText } from '../agents/agent.ts';
import { cohortText } from '../rollouts/rollout.ts';
import { serverErrors } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import type { Quarantine } from './quarantine.ts';
import { liftQuarantineMutation } from './quarantines.queries.ts';

/** Lets a version be offered again where it failed, once it has asked. */
export function LiftQuarantine({ quarantine, onLifted }: { quarantine: Quarantine; onLifted: () => void }) {
  const [asking, setAsking] = useState(false);
  const [{ fetching, error }, lift] = useMutation(liftQuarantineMutation);
  const who = quarantineTitle(quarantine);
  const confirm = async () => {
    const result = await lift({ id: quarantine.id });
    if (result.error) return;
    setAsking(false);
    onLifted();
  };
  return (
    <>
      <button
        type="button"
        className="button button-small"
        aria-label={`Lift quarantine of ${who}`}
        onClick={() => setAsking(true)}
      >
        Lift
      </button>
      {asking && (
        <ConfirmDialog
          title={`Lift the quarantine of ${who}?`}
          action="Lift quarantine"
          busy={fetching}
          errors={serverErrors(error)}
          onConfirm={() => void confirm()}
          onCancel={() => setAsking(false)}
        >
          <p>
            {versionsText(quarantine)} may be offered again: by the next rollout, or at the pace of the fleet
            where it is the stable version. It failed before: {quarantine.reason || 'no reason was given'}.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}

/** Whom a quarantine is for. */
export function quarantineTitle({ agent, cohort }: Quarantine): string {
  if (agent) return agentTitle(agent);
  return cohort ? cohortText(cohort) : '';
}

function versionsText({ versions }: Quarantine): string {
  return versions
    .map(({ configuration, version }) => versionText({ name: configuration, version }))
    .join(', ');
}
