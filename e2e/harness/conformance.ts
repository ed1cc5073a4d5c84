import { MusterOperator } from '@muster/app-conformance/muster-operator';
import { allRows } from '@muster/app-conformance/rows/all-rows';
import { run, type RowResult } from '@muster/app-conformance/runner';
import type { Target } from '@muster/app-conformance/row-context';
import { logged, Muster } from './muster.ts';

/** Low, so that the rows about limits need little memory, and an operator can assign what is over it. */
export const maxMessageBytes = 1 << 20;
/** Generous: nothing is waited for in vain at a server that keeps the rules. */
const patienceMs = 20_000;

/** An all-in-one for the suite. */
export function startForConformance(): Promise<Muster> {
  return Muster.start({
    mode: 'all-in-one',
    provokes: logged,
    env: { MUSTER_MAX_MESSAGE_BYTES: String(maxMessageBytes) },
  });
}

/** The whole suite against a Muster of our own, which it may kill and start again. */
export async function runAgainst(muster: Muster): Promise<RowResult[]> {
  const restart = async () => {
    await muster.kill();
    await muster.startAgain();
  };
  const operator = new MusterOperator(new URL(muster.url), muster.adminKey, restart);
  const url = new URL(muster.opamp[0] as string);
  return runAll({ url, token: muster.enrollmentToken, operator, maxMessageBytes, patienceMs });
}

/** The whole suite against any server. */
export function runAll(target: Target): Promise<RowResult[]> {
  return run({ rows: allRows, target });
}
