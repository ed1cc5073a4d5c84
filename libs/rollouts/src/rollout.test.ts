import { defaultPolicy, type Policy } from '@muster/configs/policy';
import { describe, expect, test } from 'vitest';
import type { CohortState } from './cohort.ts';
import { decide, type Decision, type RolloutView } from './rollout.ts';
import { agentStates, type CohortCounts } from './rollout-agent.ts';

const now = 1_000_000;

function part(counts: Partial<CohortCounts>): CohortCounts {
  const states = Object.fromEntries(agentStates.map((state) => [state, 0])) as Omit<CohortCounts, 'size'>;
  return {
    ...states,
    wave: 0,
    cohort: 0,
    unhealthy: 0,
    disconnected: 0,
    notConverged: 0,
    size: 10,
    ...counts,
  };
}

/** A rollout of one cohort in its second wave of three; the first wave is done. */
function view(
  change: Partial<Omit<RolloutView, 'policy'>> & {
    policy?: Partial<Policy>;
    current?: Partial<CohortCounts>;
  },
): RolloutView {
  const { policy, current, ...rest } = change;
  return {
    state: 'running',
    policy: { ...defaultPolicy, ...policy },
    startAt: null,
    wave: 1,
    waveCount: 3,
    waveStartedAt: now - 5000,
    waveSettledAt: null,
    cohorts: [{ cohort: 0, state: 'running' }],
    reached: [part({ size: 1, applied: 1 }), part({ wave: 1, ...(current ?? { offered: 10 }) })],
    accepted: [],
    due: 0,
    reverting: 0,
    lastReverted: null,
    expectedSince: null,
    offers: [],
    nextDeadline: null,
    catchingUp: false,
    halted: false,
    away: 0,
    ...rest,
  };
}

/** Opens an hour after `now`. */
const opensAt = 3600_000;
const shut = { timezone: 'UTC', days: ['thu'], start: '01:00', end: '02:00' } as const;

function twoCohorts(first: CohortState, second: CohortState): RolloutView['cohorts'] {
  return [
    { cohort: 0, state: first },
    { cohort: 1, state: second },
  ];
}

const accept = (wave: number, failed: number) => ({
  wave,
  cohort: 0,
  failed,
  notConverged: 0,
  unhealthy: 0,
  disconnected: 0,
});

const deadline = now + 60_000;
const breach = (gate: string, count: number, allowed: number, inWave = 1) =>
  expect.objectContaining({ gate, count, allowed, wave: inWave });

describe('decide', () => {
  test.each<[string, RolloutView, Decision | object]>([
    ['no agents: complete', view({ waveCount: 0, reached: [] }), { kind: 'complete' }],
    ['a wave that has not begun: start it', view({ waveStartedAt: null }), { kind: 'startWave' }],
    ['agents due: offer them all', view({ due: 10, current: { waiting: 10 } }), { kind: 'offer', limit: 10 }],
    [
      'agents due, slower than that: offer what the pace allows',
      view({ due: 10, policy: { perSecond: 4 }, offers: [{ at: now - 10, count: 1 }] }),
      { kind: 'offer', limit: 3 },
    ],
    [
      'the pace is used up: look again in a second',
      view({ due: 10, policy: { perSecond: 4 }, offers: [{ at: now, count: 4 }] }),
      { kind: 'wait', until: now + 1000, why: 'pace' },
    ],
    [
      'offers unanswered: wait for the nearest deadline',
      view({ nextDeadline: deadline }),
      { kind: 'wait', until: deadline },
    ],
    [
      'an agent of an earlier wave has come back and not answered: wait for it too',
      view({
        reached: [part({ size: 1, offered: 1 }), part({ wave: 1, applied: 10 })],
        waveSettledAt: now - 60_000,
        nextDeadline: deadline,
      }),
      { kind: 'wait', until: deadline },
    ],
    ['all answered: soak', view({ current: { applied: 10 } }), { kind: 'soak', until: now + 10_000 }],
    [
      'soaking: wait for its end',
      view({ current: { applied: 10 }, waveSettledAt: now - 4000 }),
      { kind: 'wait', until: now + 6000 },
    ],
    [
      'soaked: next wave',
      view({ current: { applied: 10 }, waveSettledAt: now - 10_000 }),
      { kind: 'passWave' },
    ],
    [
      'no soak asked for: next wave at once',
      view({ current: { applied: 10 }, policy: { soakSeconds: 0 } }),
      { kind: 'passWave' },
    ],
    [
      'offline and quarantined agents hold nothing',
      view({ current: { applied: 7, deferred: 2, quarantined: 1 }, waveSettledAt: now - 10_000 }),
      { kind: 'passWave' },
    ],
    [
      'the last wave has soaked: complete',
      view({ waveCount: 2, current: { applied: 10 }, waveSettledAt: now - 10_000 }),
      { kind: 'complete' },
    ],
    [
      'one failed and none allowed: stop, whatever else there is to do',
      view({ current: { failed: 1, offered: 3, waiting: 6 }, due: 6 }),
      { kind: 'pause', breach: breach('maxFailed', 1, 0) },
    ],
    [
      'the policy asks to roll back',
      view({ current: { failed: 1 }, policy: { onBreach: 'rollback' } }),
      { kind: 'rollback', breach: breach('maxFailed', 1, 0) },
    ],
    [
      'failures within a share of the wave: go on',
      view({ current: { failed: 2, applied: 8 }, policy: { maxFailed: '20%' } }),
      { kind: 'soak', until: now + 10_000 },
    ],
    [
      'shares of a wave are rounded down',
      view({ current: { failed: 2, applied: 8 }, policy: { maxFailed: '19%' } }),
      { kind: 'pause', breach: breach('maxFailed', 2, 1) },
    ],
    [
      'unhealthy agents are not looked at where nobody asks for it',
      view({ current: { applied: 10, unhealthy: 10 }, policy: { maxUnhealthy: null } }),
      { kind: 'soak', until: now + 10_000 },
    ],
    [
      'too many unhealthy while it soaks',
      view({ current: { applied: 10, unhealthy: 2 }, waveSettledAt: now - 1, policy: { maxUnhealthy: '1' } }),
      { kind: 'pause', breach: breach('maxUnhealthy', 2, 1) },
    ],
    [
      'too many went offline',
      view({ current: { deferred: 3, disconnected: 3 }, policy: { maxDisconnected: '20%' } }),
      { kind: 'pause', breach: breach('maxDisconnected', 3, 2) },
    ],
    [
      'an earlier wave breaks a gate later',
      view({ reached: [part({ size: 1, failed: 1 }), part({ wave: 1, applied: 10 })] }),
      { kind: 'pause', breach: breach('maxFailed', 1, 0, 0) },
    ],
    [
      'what a person has accepted is not a breach',
      view({
        current: { failed: 2, applied: 8 },
        accepted: [accept(1, 2)],
      }),
      { kind: 'soak', until: now + 10_000 },
    ],
    [
      'one more than a person has accepted is',
      view({
        current: { failed: 3 },
        accepted: [accept(0, 9), accept(1, 2)],
      }),
      { kind: 'pause', breach: breach('maxFailed', 3, 2) },
    ],
    [
      'paused: offer nothing, only give up who does not answer',
      view({ state: 'paused', due: 5, nextDeadline: deadline }),
      { kind: 'wait', until: deadline },
    ],
    [
      'paused with nothing open: wait for a person',
      view({ state: 'paused', due: 5, current: { failed: 5 } }),
      { kind: 'wait', until: null },
    ],
    [
      'rolling back: wait',
      view({ state: 'rollingBack', reverting: 1, nextDeadline: deadline }),
      { kind: 'wait', until: deadline },
    ],
    [
      'rolling back: look again when gateways have told of what was on its way',
      view({ state: 'rollingBack', reverting: 1, lastReverted: now - 1000, nextDeadline: deadline }),
      { kind: 'wait', until: now + 2000 },
    ],
    [
      'its time has not come: wait for it',
      view({ state: 'scheduled', startAt: deadline, waveCount: 0 }),
      { kind: 'wait', until: deadline },
    ],
    ['its time has come: begin', view({ state: 'scheduled', startAt: now, waveCount: 0 }), { kind: 'begin' }],
    [
      'the window is shut: start no wave',
      view({ waveStartedAt: null, policy: { windows: [shut] } }),
      { kind: 'wait', until: opensAt, why: 'window' },
    ],
    [
      'the window is shut: offer nothing, but give up who does not answer',
      view({ due: 3, policy: { windows: [shut] }, nextDeadline: deadline }),
      { kind: 'wait', until: deadline, why: 'window' },
    ],
    [
      'the window is shut: gates hold all the same',
      view({ current: { failed: 1 }, policy: { windows: [shut] } }),
      { kind: 'pause', breach: breach('maxFailed', 1, 0) },
    ],
    [
      'a large wave: spread, with nothing asked for',
      view({ due: 4000, current: { waiting: 4000, size: 4000 } }),
      { kind: 'offer', limit: 500 },
    ],
    [
      'a cohort goes beyond its own bound: stop that one',
      view({
        policy: { breachScope: 'cohort', maxFailed: '50%' },
        cohorts: twoCohorts('running', 'running'),
        reached: [part({ size: 8, applied: 8 }), part({ cohort: 1, size: 2, failed: 2 })],
      }),
      { kind: 'stopCohort', cohort: 1, breach: breach('maxFailed', 2, 1, 0) },
    ],
    [
      'what a stopped cohort does is not looked at',
      view({
        policy: { breachScope: 'cohort' },
        cohorts: twoCohorts('running', 'stopped'),
        reached: [part({ wave: 1, applied: 8 }), part({ wave: 1, cohort: 1, failed: 2 })],
      }),
      { kind: 'soak', until: now + 10_000 },
    ],
    [
      'every cohort has stopped',
      view({ cohorts: twoCohorts('stopped', 'stopped') }),
      { kind: 'stopForAllCohorts' },
    ],
    [
      'a cohort that goes back holds the end',
      view({ waveCount: 2, current: { applied: 8, rolledBack: 2 }, reverting: 2, nextDeadline: deadline }),
      { kind: 'wait', until: deadline },
    ],
    [
      'without an answer: a gate of its own',
      view({ current: { failed: 3, notConverged: 2 }, policy: { maxFailed: '1', maxNotConverged: '1' } }),
      { kind: 'pause', breach: breach('maxNotConverged', 2, 1) },
    ],
    [
      'catching up: offer to who is back, by portions',
      view({
        state: 'completed',
        catchingUp: true,
        due: 2,
        away: 3,
        reached: [part({ size: 2, applied: 2 }), part({ wave: 1, deferred: 3, applied: 7 })],
      }),
      { kind: 'offer', limit: 2 },
    ],
    [
      'catching up: one more has failed than was accepted',
      view({
        state: 'completed',
        catchingUp: true,
        due: 2,
        current: { failed: 3 },
        accepted: [accept(1, 2)],
      }),
      { kind: 'haltCatchingUp', breach: breach('maxFailed', 3, 2) },
    ],
    [
      'catching up, halted: wait for a person',
      view({ state: 'completed', catchingUp: true, halted: true, due: 2, current: { failed: 3 } }),
      { kind: 'wait', until: null },
    ],
    [
      'catching up: nobody is left',
      view({ state: 'completed', catchingUp: true, current: { applied: 10 } }),
      { kind: 'caughtUp' },
    ],
    [
      'soaked, and an agent that applied it went away before: give it the time to come back',
      view({ current: { applied: 10 }, waveSettledAt: now - 10_000, expectedSince: now - 1000 }),
      { kind: 'wait', until: now + 119_000 },
    ],
    [
      'soaked, and an agent went away after that: it is not waited for',
      view({ current: { applied: 10 }, waveSettledAt: now - 20_000, expectedSince: now - 1000 }),
      { kind: 'passWave' },
    ],
    [
      'soaked, and nobody asks who went away',
      view({
        current: { applied: 10 },
        waveSettledAt: now - 10_000,
        expectedSince: now - 1000,
        policy: { maxDisconnected: null },
      }),
      { kind: 'passWave' },
    ],
    [
      'at its end nobody has applied it, and some may still return: wait for them',
      view({
        waveCount: 2,
        reached: [part({ size: 1, deferred: 1 }), part({ wave: 1, deferred: 10 })],
        waveSettledAt: now - 10_000,
        away: 11,
      }),
      { kind: 'wait', until: null },
    ],
    [
      'at its end nobody has applied it or may still do',
      view({
        waveCount: 2,
        reached: [part({ size: 1, quarantined: 1 }), part({ wave: 1, quarantined: 10 })],
        waveSettledAt: now - 10_000,
      }),
      { kind: 'pauseUnproven' },
    ],
    [
      'nobody has applied it: who returns is offered it by portions',
      view({
        reached: [part({ size: 3, deferred: 3 }), part({ wave: 1, deferred: 9, offered: 1 })],
        due: 9,
      }),
      { kind: 'offer', limit: 2 },
    ],
    [
      'catching up: no more before the last have answered',
      view({
        state: 'completed',
        catchingUp: true,
        due: 2,
        reached: [part({ size: 1, offered: 1 }), part({ wave: 1, applied: 8, deferred: 2 })],
        nextDeadline: deadline,
      }),
      { kind: 'wait', until: deadline },
    ],
    [
      'catching up: a cohort stops alone',
      view({
        state: 'completed',
        catchingUp: true,
        policy: { breachScope: 'cohort', onBreach: 'rollback' },
        current: { failed: 1, applied: 9 },
      }),
      { kind: 'stopCohort', cohort: 0, breach: breach('maxFailed', 1, 0) },
    ],
    ['all are back: done', view({ state: 'rollingBack' }), { kind: 'finishRollback' }],
    ...(['completed', 'rolledBack', 'aborted', 'replaced'] as const).map(
      (state): [string, RolloutView, Decision] => [
        `${state}: nothing`,
        view({ state, due: 5, waveStartedAt: null }),
        { kind: 'wait', until: null },
      ],
    ),
  ])('%s', (_what, given, expected) => {
    expect(decide(given, now)).toEqual(expected);
  });
});
