import { Panel } from '../ui/panel.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { detailText, inWords, type RolloutEvent } from './rollout.ts';

/** What happened in a rollout, given in order, shown newest first. */
export function RolloutTimeline({ events }: { events: RolloutEvent[] }) {
  return (
    <Panel title="Events">
      <ol className="timeline">
        {events.toReversed().map((event) => (
          <li key={`${event.at} ${event.kind} ${JSON.stringify(event.detail)}`}>
            <strong>{inWords(event.kind)}</strong>
            {detailText(event.detail) && <span>{detailText(event.detail)}</span>}
            <span className="muted">
              <TimeAgo at={event.at} /> by {event.actor}
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
