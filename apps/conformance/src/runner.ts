import { outcomeOf, type Outcome } from './outcome.ts';
import type { Row, TestableRow } from './row.ts';
import type { Transport } from './transport.ts';
import { RowContext, type Target } from './row-context.ts';

export interface RowResult {
  row: Row;
  /** By transport; a transport that the row is not about is missing. */
  outcomes: Partial<Record<Transport, Outcome>>;
}

export interface RunOptions {
  rows: readonly Row[];
  target: Target;
  /** Rows that run at once. */
  parallel?: number;
  onResult?: (row: Row, transport: Transport, outcome: Outcome) => void;
}

const defaultDeadlineMs = 30_000;
const defaultParallel = 12;

interface Job {
  row: TestableRow;
  transport: Transport;
}

/** Runs the rows over their transports against a server. Never rejects for what the server does. */
export async function run({
  rows,
  target,
  parallel = defaultParallel,
  onResult,
}: RunOptions): Promise<RowResult[]> {
  const results = new Map<Row, RowResult>(rows.map((row) => [row, { row, outcomes: {} }]));
  const note = (row: Row, transport: Transport, outcome: Outcome) => {
    results.get(row)!.outcomes[transport] = outcome;
    onResult?.(row, transport, outcome);
  };
  const capabilities = await serverCapabilities(target);
  const jobs: Job[] = [];
  for (const row of rows) {
    for (const transport of row.over) {
      const outcome = outcomeWithoutRun(row, target, capabilities[transport]);
      if (outcome) note(row, transport, outcome);
      else jobs.push({ row: row as TestableRow, transport });
    }
  }
  const perform = async ({ row, transport }: Job) =>
    note(row, transport, await attempt(row, new RowContext(transport, target, capabilities[transport])));
  const together = jobs.filter(({ row }) => !row.alone).sort((a, b) => deadlineOf(b.row) - deadlineOf(a.row));
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let job = together.shift(); job; job = together.shift()) await perform(job);
    }),
  );
  for (const job of jobs.filter(({ row }) => row.alone)) await perform(job);
  return [...results.values()];
}

/** What is known of a row without running it, or null. */
function outcomeWithoutRun(row: Row, target: Target, capabilities: number): Outcome | null {
  if (row.offers !== undefined && (capabilities & row.offers) === 0) {
    return { verdict: 'notOffered', seen: 'the capability bit is not set' };
  }
  if (row.needs === 'elsewhere') return { verdict: 'notTestable', seen: row.why };
  if (row.needs === 'operator' && !target.operator)
    return { verdict: 'notTestable', seen: 'needs an operator' };
  return null;
}

async function attempt(row: TestableRow, context: RowContext): Promise<Outcome> {
  const deadlineMs = deadlineOf(row);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no outcome within ${deadlineMs / 1_000} s`)), deadlineMs);
  });
  try {
    await Promise.race([row.run(context), late]);
    return { verdict: 'met', seen: '' };
  } catch (error) {
    const outcome = outcomeOf(error);
    // What the specification only recommends can be missed, not broken.
    const isRecommended = row.level.startsWith('SHOULD') && outcome.verdict === 'notMet';
    return isRecommended ? { ...outcome, verdict: 'missed' } : outcome;
  } finally {
    clearTimeout(timer);
    context.end();
  }
}

function deadlineOf(row: TestableRow): number {
  return row.deadlineMs ?? defaultDeadlineMs;
}

/** What the server says it can, over each transport; 0 when it does not answer or says nothing. */
async function serverCapabilities(target: Target): Promise<Record<Transport, number>> {
  const ask = async (transport: Transport): Promise<number> => {
    const context = new RowContext(transport, target, 0);
    try {
      return Number((await (await context.agent()).report()).capabilities);
    } catch {
      return 0;
    } finally {
      context.end();
    }
  };
  const [websocket, http] = await Promise.all([ask('websocket'), ask('http')]);
  return { websocket, http };
}
