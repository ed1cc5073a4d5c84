import { useState } from 'react';
import { useMutation } from 'urql';
import { overviewSignals } from '../overview/overview.queries.ts';
import { useLiveQuery } from '../live-query.ts';
import { serverErrors } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Notice } from '../ui/notice.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import {
  offerHoldQuery,
  releaseOfferHoldMutation,
  type OfferHold,
  type OfferHoldDecision,
} from './offer-hold.queries.ts';

/** On every page while offers are held: the database was put back, and somebody has to say what counts. */
export function OfferHoldNotice() {
  const { data } = useLiveQuery(offerHoldQuery, noVariables, overviewSignals);
  const [asked, setAsked] = useState<OfferHoldDecision | null>(null);
  /** The hold that was ended here: the server is asked again a little later. */
  const [ended, setEnded] = useState('');
  const hold = data?.offerHold;
  if (!hold || hold.since === ended) return null;
  return (
    <Notice
      tone="bad"
      title="Nothing is offered to agents: the database is older than the fleet"
      role="alert"
    >
      <p>
        {hold.reason}. Noticed <TimeAgo at={hold.since} />. {progress(hold)}
      </p>
      <div className="form-actions">
        <button type="button" className="button" onClick={() => setAsked('database')}>
          The database counts …
        </button>
        <button type="button" className="button" onClick={() => setAsked('agents')}>
          Agents keep what they run …
        </button>
      </div>
      {asked && (
        <Decision
          decision={asked}
          hold={hold}
          onClose={(done) => {
            setAsked(null);
            if (done) setEnded(hold.since);
          }}
        />
      )}
    </Notice>
  );
}

const noVariables: Record<string, never> = {};

function progress({ agents: { connected, reported, differ, unknown } }: OfferHold): string {
  const so = `${reported.toLocaleString()} of ${connected.toLocaleString()} connected agents have said what they run`;
  const those = `${differ.toLocaleString()} run something else than the database says`;
  return `${so}: ${those}, ${unknown.toLocaleString()} of them what it has never rendered.`;
}

const decisions = {
  database: {
    title: 'The database counts?',
    action: 'Bring agents to the database',
    text: "Agents that run something else are brought to their fleet's stable version, at the pace of the fleet and behind its gates.",
  },
  agents: {
    title: 'Agents keep what they run?',
    action: 'Leave agents as they are',
    text: 'Fleets of which agents run something else have no stable version until a rollout completes: create the lost version again and roll it out.',
  },
} as const;

function Decision({
  decision,
  hold,
  onClose,
}: {
  decision: OfferHoldDecision;
  hold: OfferHold;
  onClose: (done: boolean) => void;
}) {
  const [{ fetching, error }, release] = useMutation(releaseOfferHoldMutation);
  const { title, action, text } = decisions[decision];
  const confirm = async () => {
    const { data } = await release({ decision });
    if (data) onClose(true);
  };
  const silent = hold.agents.connected - hold.agents.reported;
  return (
    <ConfirmDialog
      title={title}
      action={action}
      busy={fetching}
      errors={serverErrors(error)}
      onConfirm={() => void confirm()}
      onCancel={() => onClose(false)}
    >
      <p>{text}</p>
      <p>Rollouts that were under way are paused, and wait for somebody to resume or abort them.</p>
      {silent > 0 && <p>{silent.toLocaleString()} connected agents have not said yet what they run.</p>}
    </ConfirmDialog>
  );
}
