import { expect, test } from 'vitest';
import { eventWords } from './rollout-events.ts';

const names = ['otelcol 0.149.0 linux/amd64', 'otelcol 0.148.0 linux/arm64'];

function words(kind: string, detail: Record<string, unknown>) {
  const { title, text } = eventWords({ at: '', actor: 'system', kind, detail }, (cohort) => names[cohort]!);
  return `${title}: ${text}`;
}

const breach = {
  gate: 'maxFailed',
  wave: 0,
  cohort: null,
  count: 3,
  allowed: 1,
  cohorts: [
    { cohort: 0, count: 1, size: 90 },
    { cohort: 1, count: 2, size: 10 },
  ],
};

test.each([
  [
    'started',
    { agents: 120, waves: 3, cohorts: 2, skipped: [{ reason: 'it has no exporter "x"', agents: 1 }] },
    'Started: 120 agents in 3 waves, 2 cohorts; 1 agent skipped: it has no exporter "x"',
  ],
  ['waveStarted', { wave: 1, agents: 1 }, 'Wave 2 started: 1 agent'],
  [
    'wavePassed',
    {
      wave: 0,
      cohorts: [
        { wave: 0, cohort: 0, size: 2, applied: 2, failed: 0 },
        { wave: 0, cohort: 1, size: 3, applied: 1, failed: 1, deferred: 1 },
      ],
    },
    'Wave 1 passed: 3 applied, 1 failed, 1 deferred',
  ],
  [
    'breached',
    breach,
    `A gate was breached: 3 failed in wave 1; 1 tolerated. 1 of 90 of ${names[0]}; 2 of 10 of ${names[1]}`,
  ],
  [
    'breached',
    { ...breach, gate: 'maxNotConverged', cohort: 1, count: 2, allowed: 0 },
    `A gate was breached: 2 without an answer of ${names[1]} in wave 1; 0 tolerated`,
  ],
  [
    'breachEnded',
    { gate: 'maxFailed', wave: 0, cohort: null, count: 0, allowed: 0, lifted: ['a'] },
    'No breach any more: agents answered since. 0 failed in wave 1; 0 tolerated. 1 quarantine lifted.',
  ],
  [
    'started',
    { agents: 3, waves: 1, cannotSay: { byEffectiveConfig: 0, unconfirmed: 2 } },
    'Started: 3 agents in 1 wave; 2 agents cannot confirm and will count as unconfirmed',
  ],
  ['cohortStopped', { cohort: 1, state: 'stopped', reason: '2 failed' }, 'Cohort stopped: 2 failed'],
  ['catchingUp', { away: 4 }, 'Catching up: 4 agents away: offered on return'],
  ['paused', { wave: 1 }, 'Paused: '],
  ['completed', { agents: 0 }, 'Completed: '],
  ['somethingNew', { reason: 'it is so' }, 'something new: it is so'],
])('%s %j', (kind, detail, text) => {
  expect(words(kind, detail)).toBe(text);
});
