import type { RunResult } from './results.ts';
import { Session, sleep, VoidRun, type SessionOptions } from './session.ts';
import type { Stage } from './stage.ts';
import { connect } from './stages/connect.ts';
import { heartbeat } from './stages/heartbeat.ts';
import { memory } from './stages/memory.ts';
import { operations } from './stages/operations.ts';
import { publish } from './stages/publish.ts';
import { storm } from './stages/storm.ts';
import { SubjectFailed, type Mode, type Subject, type SubjectName } from './subject.ts';

const allStages: Stage[] = [connect, memory, heartbeat, operations, publish, storm];
/** What a server does for itself after it has started is not the agents' cost. */
const settleSeconds = 2;

export const say = (text: string): void => void process.stderr.write(`${text}\n`);

export interface Contender {
  name: SubjectName;
  start: () => Promise<Subject>;
}

/** Runs of one kind: each contender goes through the stages once in each round. */
export interface Series {
  figure: string;
  mode: Mode;
  contenders: Contender[];
  stages: Stage[];
  session: SessionOptions;
  rounds: number;
}

/** All rounds, the contenders in one order and then in the other. */
export async function runSeries(series: Series): Promise<RunResult[]> {
  const { figure, mode, contenders, session, rounds } = series;
  const { agents, reportBytes } = session;
  const results: RunResult[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const { name, start } of round % 2 === 1 ? contenders : contenders.toReversed()) {
      say(`${figure}: ${mode}, ${agents} agents, ${reportBytes} bytes, round ${round}: ${name}`);
      const run = await runOnce(start, series.stages, session);
      if (run.void !== null) say(`  void: ${run.void}`);
      results.push({ ...run, figure, round, subject: name, mode, agents, reportBytes });
    }
  }
  return results;
}

/** What `--figures` picked; every stage needs agents that are connected. */
export function chosenStages(names: readonly string[]): Stage[] {
  return allStages.filter(({ name }) => name === 'connect' || names.includes(name));
}

/** One agent a connection, a heartbeat every 4 s, watched for as long as is usual. */
export function usualSession(quick: boolean, agents: number, reportBytes: number): SessionOptions {
  return {
    agents,
    reportBytes,
    agentsPerConnection: 1,
    heartbeatSeconds: 4,
    watchSeconds: quick ? 8 : 20,
    idleSeconds: quick ? 10 : 60,
  };
}

/** Starts a server, takes a fleet through the stages and stops both. A void run answers why. */
export async function runOnce(
  start: () => Promise<Subject>,
  chosen: readonly Stage[],
  options: SessionOptions,
): Promise<Pick<RunResult, 'numbers' | 'void'>> {
  const numbers: Record<string, number | null> = {};
  let session: Session | null = null;
  let subject: Subject | null = null;
  try {
    subject = await start();
    await sleep(settleSeconds);
    session = new Session(subject, options);
    for (const stage of chosen) {
      if (stage.fits && !stage.fits(session)) continue;
      Object.assign(numbers, await stage.run(session));
    }
    return { numbers, void: null };
  } catch (error) {
    const isVoid = error instanceof VoidRun || error instanceof SubjectFailed;
    if (!isVoid) say(`  ${(error as Error).stack}`);
    return { numbers, void: (error as Error).message };
  } finally {
    await session?.stop();
    await subject?.stop();
  }
}
