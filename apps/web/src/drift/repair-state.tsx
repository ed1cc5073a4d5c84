import { StatusChip } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { repairWords, type Drift } from './drift.ts';

/** What is done about a drift: tries so far, what stands against it, when it is looked at again. */
export function RepairState({ drift: { repair, tries, reason, nextAt } }: { drift: Drift }) {
  const [words, tone] = repairWords[repair];
  return (
    <>
      <StatusChip tone={tone}>{words}</StatusChip>
      <span className="cell-sub">
        {tries === 0 ? 'not tried yet' : tries === 1 ? 'tried once' : `tried ${tries} times`}
        {nextAt !== null && (
          <>
            , again <TimeAgo at={nextAt} />
          </>
        )}
        {reason !== '' && `: ${reason}`}
      </span>
    </>
  );
}
