import { amountOf } from '@muster/configs/policy-members';
import type { Policy } from '@muster/configs/policy';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RolloutModel, type Conduct, type ModelAgent } from './rollout-model.setup.ts';

const second = 1000;
const day = 24 * 3600 * second;
/** Midnight in UTC, a Monday. */
const start = Date.UTC(2026, 0, 5);

const amounts = fc.constantFrom('0', '1', '2', '20%', '50%');
const policies: fc.Arbitrary<Policy> = fc.record({
  waves: fc.constant(['1']),
  perSecond: fc.option(fc.integer({ min: 1, max: 5 })),
  jitterSeconds: fc.option(fc.integer({ min: 0, max: 30 })),
  applyDeadlineSeconds: fc.integer({ min: 5, max: 60 }),
  soakSeconds: fc.integer({ min: 0, max: 20 }),
  maxFailed: amounts,
  maxNotConverged: fc.option(amounts),
  maxUnhealthy: fc.option(amounts),
  maxDisconnected: fc.option(amounts),
  onBreach: fc.constantFrom('pause', 'rollback'),
  breachScope: fc.constantFrom('rollout', 'cohort'),
  quarantine: fc.constant('agent'),
  // of each day the first hours, or all of it
  windows: fc
    .integer({ min: 1, max: 23 })
    .map((hours) => [
      {
        timezone: 'UTC',
        days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const,
        start: '00:00',
        end: `${String(hours).padStart(2, '0')}:00`,
      },
    ])
    .chain((windows) => fc.constantFrom(windows, [])),
});

const fleets = fc
  .array(
    fc.record({
      wave: fc.integer({ min: 0, max: 3 }),
      cohort: fc.integer({ min: 0, max: 2 }),
      conduct: fc.oneof(
        { weight: 8, arbitrary: fc.constant<Conduct>('applies') },
        { weight: 1, arbitrary: fc.constantFrom<Conduct>('fails', 'is silent', 'cannot say') },
      ),
      online: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
      wasUnhealthy: fc.oneof({ weight: 8, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((agents) => {
    const waves = [...new Set(agents.map(({ wave }) => wave))].toSorted((a, b) => a - b);
    return agents.map((agent) => ({ ...agent, wave: waves.indexOf(agent.wave) }));
  });

/** What happens, in any order; looks may come late, twice, or never. */
const happenings = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('look' as const) }),
    fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 40 * second }) }),
    fc.record({ kind: fc.constant('night' as const) }),
    fc.record({ kind: fc.constantFrom('pause' as const, 'resume' as const) }),
    fc.record({
      kind: fc.constantFrom('answer', 'leave', 'return', 'sicken', 'recover'),
      agent: fc.nat(29),
    }),
  ),
  { maxLength: 120 },
);

function makeAgent(
  agent: Pick<ModelAgent, 'wave' | 'cohort' | 'conduct' | 'online' | 'wasUnhealthy'>,
): ModelAgent {
  const state = { answered: false, settled: false, silent: false, sent: 0, withdrawn: 0, back: false };
  const healthy = !agent.wasUnhealthy;
  return { ...agent, ...state, state: 'waiting', offeredAt: null, goneAt: start, healthy };
}

/** Once more from the agents alone: does what has failed in these waves go beyond what the policy allows? */
function isBreached({ policy, agents, wave: reached }: RolloutModel, ofCohort: number | null): boolean {
  const groups = Map.groupBy(
    agents.filter(({ wave, cohort }) => wave <= reached && (ofCohort ?? cohort) === cohort),
    ({ wave }) => wave,
  );
  return [...groups.values()].some((group) => {
    const failed = group.filter(({ state }) => state === 'failed');
    const silent = policy.maxNotConverged === null ? [] : failed.filter((agent) => agent.silent);
    const beyond = (count: number, limit: string) => count > Math.floor(amountOf(limit, group.length));
    return (
      beyond(failed.length - silent.length, policy.maxFailed) ||
      beyond(silent.length, policy.maxNotConverged ?? '0')
    );
  });
}

function answerIfOffered(agent: ModelAgent): void {
  if (!agent.online || agent.conduct === 'is silent') return;
  if (agent.conduct === 'cannot say' && agent.state !== 'rolledBack') return;
  // Later than it was waited for, too.
  if (agent.state === 'failed' && agent.silent) agent.answered = true;
  const mayHaveTaken = agent.state === 'offered' || (agent.state === 'deferred' && agent.offeredAt !== null);
  if (mayHaveTaken || (agent.state === 'rolledBack' && !agent.settled)) agent.answered = true;
}

test('whatever happens: offered once, in order, never beyond a gate, a limit or a window, and it ends', () => {
  fc.assert(
    fc.property(policies, fleets, happenings, (policy, fleet, events) => {
      const offers: { at: number; count: number }[] = [];
      const model = new RolloutModel(
        policy,
        fleet.map(makeAgent),
        (due, { agents, wave, state, overruled }, now) => {
          expect(due.length).toBeGreaterThan(0);
          for (const agent of due) {
            expect(agent.online).toBe(true);
            expect(agent.back).toBe(false);
            expect(agent.wave).toBeLessThanOrEqual(wave);
            expect(agent.sent).toBe(agent.withdrawn);
            if (state !== 'completed' && !overruled)
              expect(isBreached(model, policy.breachScope === 'cohort' ? agent.cohort : null)).toBe(false);
          }
          // Nobody of a wave before is still to be offered or waited for, but who has returned.
          const open = agents.filter((agent) => agent.wave < wave && agent.state === 'waiting');
          expect(open).toEqual([]);
          // Where nothing has proved it yet, or the waves are over, agents get it in portions.
          if (
            state === 'completed' ||
            !agents.some(({ state }) => state === 'applied' || state === 'unconfirmed')
          ) {
            const unanswered = agents.filter((agent) => agent.state === 'offered').length;
            const first = agents.filter((agent) => agent.wave === 0).length;
            expect(unanswered + due.length).toBeLessThanOrEqual(first);
          }
          const hour = (now % day) / (3600 * second);
          for (const { end } of policy.windows) expect(hour).toBeLessThan(Number(end.slice(0, 2)));
          offers.push({ at: now, count: due.length });
          const inSecond = offers.filter(({ at }) => at > now - second);
          if (policy.perSecond !== null)
            expect(inSecond.reduce((total, { count }) => total + count, 0)).toBeLessThanOrEqual(
              policy.perSecond,
            );
        },
      );

      let now = start;
      for (const event of events) {
        const agent = 'agent' in event ? model.agents[event.agent % model.agents.length]! : null;
        if (event.kind === 'look') model.look(now);
        else if (event.kind === 'time') now += event.ms;
        else if (event.kind === 'night') now += day / 2;
        else if (event.kind === 'pause') model.pause();
        else if (event.kind === 'resume') model.resume(now);
        else if (event.kind === 'answer') answerIfOffered(agent!);
        else if (event.kind === 'sicken' || event.kind === 'recover')
          agent!.healthy = event.kind === 'recover';
        else {
          if (event.kind === 'leave' && agent!.online) agent!.goneAt = now;
          agent!.online = event.kind === 'return';
        }
      }

      // From here on everybody is there and answers, and the clock works.
      for (const agent of model.agents) Object.assign(agent, { online: true, healthy: true });
      for (let looks = 0; looks < 2000; looks++) {
        const next = model.look(now);
        for (const agent of model.agents) answerIfOffered(agent);
        const again = model.look(now);
        if (next === null && again === null) break;
        now = Math.max(now, Math.min(next ?? Infinity, again ?? Infinity));
        if (now === Infinity) break;
      }

      expect(model.begun).toEqual(model.begun.map((_, index) => index));
      expect(['completed', 'paused', 'rolledBack']).toContain(model.state);
      for (const agent of model.agents) expect(agent.sent).toBeLessThanOrEqual(1 + agent.withdrawn);
      if (model.state === 'completed') {
        expect(model.agents.some(({ state }) => state === 'applied' || state === 'unconfirmed')).toBe(true);
        expect(model.catchingUp && !model.halted).toBe(false);
        expect(model.begun).toHaveLength(model.waveCount);
        const left = model.agents.filter(({ state }) => state === 'waiting' || state === 'offered');
        expect(left).toEqual([]);
      }
      if (model.state === 'rolledBack')
        for (const agent of model.agents) expect(agent.back).toBe(agent.sent > 0);
    }),
    { numRuns: 2000 },
  );
}, 60_000);
