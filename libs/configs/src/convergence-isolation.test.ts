import { randomUUID } from 'node:crypto';
import type { AgentId } from '@muster/agents/agent-id';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Convergence } from './convergence.ts';

it('gives the others of a fleet their version when the data of one agent cannot be worked on', async () => {
  const agents = Array.from({ length: 9 }, () => randomUUID() as AgentId);
  const poison = agents[4]!;
  const given: AgentId[] = [];
  const strays = async (_tx: unknown, _fleet: string, some: readonly AgentId[]) => {
    if (some.includes(poison)) throw Object.assign(new Error('refused'), { code: '22P05' });
    return some.map((agent) => ({ agent }));
  };
  const deps = {
    store: {
      strays: async () => agents.map((agent) => ({ agent, fleet: 'prod' })),
      policy: async () => null,
      lockStable: async () => ({ configuration: 'c', version: 1, variables: {} }),
      straysOf: strays,
    },
    gates: {
      judge: async (_tx: unknown, _fleet: string, _stable: unknown, some: { agent: AgentId }[]) => ({
        admitted: some.map(({ agent }) => agent),
        heldBack: [],
        failing: [],
      }),
    },
    quarantines: {},
    rendered: {
      renderFor: async () => [{ hash: 'aa', agents: null, error: null, missing: null, inputs: null }],
      note: async () => {},
    },
    desiredState: {
      setTargets: async (_tx: unknown, targets: { agent: AgentId }[]) => {
        given.push(...targets.map(({ agent }) => agent));
        return targets;
      },
    },
    transact: (work: (tx: unknown) => Promise<unknown>) => work({}),
    log: pino({ level: 'silent' }),
    now: () => 1_000_000,
  };
  const convergence = new Convergence(deps as unknown as ConstructorParameters<typeof Convergence>[0]);
  await convergence.sweep();
  await convergence.advance();
  expect(given.toSorted()).toEqual(agents.filter((agent) => agent !== poison).toSorted());
});
