import type { Tone } from '../ui/status-chip.tsx';
import { agentsText, inWords, type RolloutEvent } from './rollout.ts';

/** What happened, for people. */
export interface EventWords {
  title: string;
  text: string;
  tone: Tone;
}

/** The agents of one cohort in one wave, counted by state. */
interface Part extends Record<string, number> {
  wave: number;
  cohort: number;
  size: number;
}

/** A gate that did not hold, with its values. */
interface Breach {
  gate: string;
  wave: number;
  cohort: number | null;
  count: number;
  allowed: number;
  cohorts: { cohort: number; count: number; size: number }[];
}

type CohortName = (cohort: number) => string;

const titles: Record<string, [title: string, tone: Tone]> = {
  scheduled: ['Scheduled', 'idle'],
  started: ['Started', 'info'],
  waveSettled: ['settled', 'info'],
  wavePassed: ['passed', 'ok'],
  breached: ['A gate was breached', 'bad'],
  cohortStopped: ['Cohort stopped', 'bad'],
  paused: ['Paused', 'warn'],
  resumed: ['Resumed', 'info'],
  completed: ['Completed', 'ok'],
  catchingUp: ['Catching up', 'info'],
  caughtUp: ['Caught up', 'ok'],
  halted: ['Catching up halted', 'warn'],
  rollingBack: ['Rolling back', 'bad'],
  rolledBack: ['Rolled back', 'bad'],
  aborted: ['Aborted', 'idle'],
  replaced: ['Replaced by a newer rollout', 'idle'],
};

/** An event in words, with the values it was decided by. `cohortName` names a cohort by its number. */
export function eventWords({ kind, detail }: RolloutEvent, cohortName: CohortName): EventWords {
  const wave = `Wave ${Number(detail['wave']) + 1}`;
  const [title, tone] = titles[kind] ?? [inWords(kind), 'idle'];
  switch (kind) {
    case 'waveStarted':
      return { title: `${wave} started`, text: agentsText(Number(detail['agents'])), tone: 'info' };
    case 'waveSettled':
    case 'wavePassed':
      return { title: `${wave} ${title}`, text: partsText(detail['cohorts']), tone };
    case 'scheduled':
      return { title, text: `to start ${new Date(String(detail['startAt'])).toLocaleString()}`, tone };
    case 'started':
      return { title, text: startedText(detail), tone };
    case 'breached':
    case 'halted':
      return { title, text: breachText(detail as unknown as Breach, cohortName), tone };
    case 'resumed':
      return { title, text: 'What had gone wrong until then is accepted.', tone };
    case 'completed':
    case 'caughtUp':
      return { title, text: partsText(detail['waves']), tone };
    case 'catchingUp':
      return { title, text: `${agentsText(Number(detail['away']))} away: offered on return`, tone };
    default:
      return { title, text: String(detail['reason'] ?? ''), tone };
  }
}

function startedText(detail: Record<string, unknown>): string {
  const skipped = (detail['skipped'] ?? []) as { reason: string; agents: number }[];
  const cohorts = Number(detail['cohorts'] ?? 0);
  return [
    `${agentsText(Number(detail['agents'] ?? 0))} in ${countOf(Number(detail['waves'] ?? 0), 'wave')}` +
      (cohorts > 0 ? `, ${countOf(cohorts, 'cohort')}` : ''),
    ...skipped.map(({ reason, agents }) => `${agentsText(agents)} skipped: ${reason}`),
  ].join('; ');
}

/** "12 applied, 1 failed", of all parts together. */
function partsText(parts: unknown): string {
  if (!Array.isArray(parts)) return '';
  const total = (state: string) =>
    (parts as Part[]).reduce((sum, part) => sum + (Number(part[state]) || 0), 0);
  const states = ['applied', 'failed', 'unhealthy', 'disconnected', 'deferred', 'quarantined', 'stopped'];
  return states
    .map((state) => ({ state, count: total(state) }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count.toLocaleString()} ${state}`)
    .join(', ');
}

const gateWords: Record<string, string> = {
  maxFailed: 'failed',
  maxNotConverged: 'without an answer',
  maxUnhealthy: 'unhealthy',
  maxDisconnected: 'disconnected',
};

function breachText({ gate, wave, cohort, count, allowed, cohorts }: Breach, cohortName: CohortName): string {
  const where = cohort === null ? '' : ` of ${cohortName(cohort)}`;
  const verdict = `${count} ${gateWords[gate] ?? inWords(gate)}${where} in wave ${wave + 1}; ${allowed} tolerated`;
  if (cohort !== null || !cohorts || cohorts.length === 0) return verdict;
  const shares = cohorts.map((part) => `${part.count} of ${part.size} of ${cohortName(part.cohort)}`);
  return `${verdict}. ${shares.join('; ')}`;
}

function countOf(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? '' : 's'}`;
}
