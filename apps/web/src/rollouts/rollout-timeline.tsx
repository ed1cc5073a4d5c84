import { Panel } from '../ui/panel.tsx';
import { StatusChip } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { eventWords } from './rollout-events.ts';
import { cohortText, type Cohort, type RolloutEvent } from './rollout.ts';

/** Every decision about a rollout in words, given in order, shown newest first. */
export function RolloutTimeline({ events, cohorts }: { events: RolloutEvent[]; cohorts: Cohort[] }) {
  const nameOf = (number: number) => {
    const cohort = cohorts.find((each) => each.cohort === number);
    return cohort ? cohortText(cohort) : `cohort ${number + 1}`;
  };
  return (
    <Panel title="Decisions">
      <ol className="timeline" aria-label="Decisions">
        {events.toReversed().map((event) => {
          const { title, text, tone } = eventWords(event, nameOf);
          return (
            <li key={`${event.at} ${event.kind} ${JSON.stringify(event.detail)}`}>
              <span>
                <StatusChip tone={tone}>{title}</StatusChip>
              </span>
              {text && <span>{text}</span>}
              <span className="muted">
                <TimeAgo at={event.at} /> by {event.actor}
              </span>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}
