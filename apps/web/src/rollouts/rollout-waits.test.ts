import { expect, test } from 'vitest';
import type { RolloutDetail, RolloutState, WaveState } from './rollout.ts';
import { waitsFor } from './rollout-waits.ts';

const soon = '2026-01-10T12:00:00.000Z';

function rollout(state: RolloutState, change: Partial<RolloutDetail> = {}) {
  return {
    state,
    policy: { soakSeconds: 60, applyDeadlineSeconds: 120, windows: [] },
    wave: 0,
    waves: [wave('running', { applied: 2 })],
    counts: {},
    events: [],
    startAt: null,
    waitsUntil: null,
    catchingUp: false,
    halted: false,
    ...change,
  };
}

function wave(state: WaveState, counts: Record<string, number>) {
  return { index: 0, size: 3, state, counts, cohorts: [] };
}

test('a scheduled rollout waits for its start', () => {
  expect(waitsFor(rollout('scheduled', { startAt: soon }))).toMatchObject({ until: soon });
});

test('offers that are held back say so, and until when', () => {
  const held = { text: 'The next offers are held back by its pace', until: soon };
  expect(waitsFor(rollout('running', { waitsUntil: soon }))).toEqual(held);
  const policy = { windows: [{}] };
  expect(waitsFor(rollout('running', { waitsUntil: soon, policy }))?.text).toContain('maintenance windows');
});

test('a wave that soaks is watched from when it settled', () => {
  const events = [{ at: soon, actor: 'system', kind: 'waveSettled', detail: { wave: 0 } }];
  expect(waitsFor(rollout('running', { waves: [wave('soaking', {})], events }))).toMatchObject({
    until: '2026-01-10T12:01:00.000Z',
  });
});

test('agents that have been offered are waited for', () => {
  expect(waitsFor(rollout('running', { waves: [wave('running', { offered: 1, waiting: 2 })] }))?.text).toBe(
    '1 agent in wave 1 has 120 s to answer.',
  );
});

test('a completed rollout waits for those that are away, or for a person', () => {
  const counts = { deferred: 2 };
  expect(waitsFor(rollout('completed', { counts }))).toBeNull();
  expect(waitsFor(rollout('completed', { counts, catchingUp: true }))?.text).toBe(
    '2 agents away: offered on return.',
  );
  expect(waitsFor(rollout('completed', { catchingUp: true, halted: true }))?.text).toContain('Resume');
});

test('nothing is waited for once it has ended, or while it goes on', () => {
  expect(waitsFor(rollout('aborted'))).toBeNull();
  expect(waitsFor(rollout('running'))).toBeNull();
  expect(waitsFor(rollout('running', { waves: [] }))).toBeNull();
});
