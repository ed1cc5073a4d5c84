import type { Tone } from '../ui/status-chip.tsx';
import { agentsText, cannotSayWords, inWords, type RolloutEvent } from './rollout.ts';

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
  offered: ['Offered', 'info'],
  waitsForWindow: ['Waits for a window', 'idle'],
  windowOpened: ['The window is open', 'info'],
  waveSettled: ['settled', 'info'],
  wavePassed: ['passed', 'ok'],
  breached: ['A gate was breached', 'bad'],
  breachEnded: ['No breach any more', 'ok'],
  cohortStopped: ['Cohort stopped', 'bad'],
  paused: ['Paused', 'warn'],
  resumed: ['Resumed', 'info'],
  completed: ['Completed', 'ok'],
  catchingUp: ['Catching up', 'info'],
  caughtUp: ['Caught up', 'ok'],
  catchingUpEnded: ['Catching up ended', 'idle'],
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
    case 'offered':
      return { title, text: `${wave.toLowerCase()}: ${agentsText(Number(detail['agents']))}`, tone };
    case 'waitsForWindow':
      return { title, text: `until ${new Date(String(detail['until'])).toLocaleString()}`, tone };
    case 'rolledBack':
      return { title, text: rolledBackText(detail), tone };
    case 'breached':
      return { title, text: breachText(detail as unknown as Breach, cohortName), tone };
    case 'breachEnded':
      return { title, text: breachEndedText(detail, cohortName), tone };
    case 'resumed':
      return { title, text: resumedText(detail), tone };
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
  const cannotSay = cannotSayWords({
    byEffectiveConfig: 0,
    unconfirmed: 0,
    ...(detail['cannotSay'] as object | undefined),
  });
  return [
    `${agentsText(Number(detail['agents'] ?? 0))} in ${countOf(Number(detail['waves'] ?? 0), 'wave')}` +
      (cohorts > 0 ? `, ${countOf(cohorts, 'cohort')}` : ''),
    ...skipped.map(({ reason, agents }) => `${agentsText(agents)} skipped: ${reason}`),
    ...(cannotSay === '' ? [] : [cannotSay]),
  ].join('; ');
}

/** "12 applied, 1 failed", of all parts together. */
function partsText(parts: unknown): string {
  if (!Array.isArray(parts)) return '';
  const total = (state: string) =>
    (parts as Part[]).reduce((sum, part) => sum + (Number(part[state]) || 0), 0);
  const states = [
    'applied',
    'unconfirmed',
    'failed',
    'unhealthy',
    'disconnected',
    'deferred',
    'quarantined',
    'stopped',
  ];
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

/** Agents have answered after they were given up. */
function breachEndedText(detail: Record<string, unknown>, cohortName: CohortName): string {
  const { lifted, ...breach } = detail;
  const count = Array.isArray(lifted) ? lifted.length : 0;
  const verdict = `agents answered since. ${breachText(breach as unknown as Breach, cohortName)}`;
  return count > 0 ? `${verdict}. ${countOf(count, 'quarantine')} lifted.` : verdict;
}

/** "12 confirmed, 1 did not confirm". */
function rolledBackText(detail: Record<string, unknown>): string {
  return Object.entries({
    confirmed: 'confirmed',
    unconfirmed: 'did not confirm',
    refused: 'refused',
    hadNothing: 'had nothing before',
    gotAnother: 'got another version meanwhile',
  })
    .map(([member, words]) => [Number(detail[member] ?? 0), words] as const)
    .filter(([count]) => count > 0)
    .map(([count, words]) => `${count.toLocaleString()} ${words}`)
    .join(', ');
}

function resumedText({ accepted, lifted }: Record<string, unknown>): string {
  const some = (list: unknown) => Array.isArray(list) && list.length > 0;
  return [
    some(accepted) ? 'What the gates had shown is accepted.' : '',
    some(lifted) ? `${countOf((lifted as unknown[]).length, 'quarantine')} lifted.` : '',
  ]
    .filter((text) => text !== '')
    .join(' ');
}

function countOf(count: number, noun: string): string {
  return `${count.toLocaleString()} ${noun}${count === 1 ? '' : 's'}`;
}
