import type { AgentId } from '@muster/agents/agent-id';
import type { Log } from '@muster/platform/log';
import { expect, it, vi } from 'vitest';
import { Convergence, type ConvergenceDeps } from './convergence.ts';

it('a fleet that cannot be served holds up no other, is tried less and less, and is logged once', async () => {
  let now = 1_000_000;
  let broken = true;
  const served: string[] = [];
  const error = vi.fn();
  const agent = '01900000-0000-7000-8000-000000000001' as AgentId;
  const tried = vi.fn();
  const store = {
    strays: () => Promise.resolve(['bad', 'good'].map((fleet) => ({ agent, fleet }))),
    policy: () => Promise.resolve(null),
    lockStable: (_tx: unknown, fleet: string) => {
      if (fleet === 'bad') tried();
      if (fleet === 'bad' && broken) throw new Error('no such version');
      served.push(fleet);
      return Promise.resolve(null);
    },
  };
  const convergence = new Convergence({
    store,
    transact: (work: (tx: unknown) => unknown) => Promise.resolve(work({})),
    now: () => now,
    log: { error } as unknown as Log,
  } as unknown as ConvergenceDeps);

  for (let second = 0; second < 60; second++) {
    await convergence.sweep();
    await convergence.advance();
    now += 1_000;
  }
  expect(served).toHaveLength(60);
  expect(tried.mock.calls.length).toBeLessThan(10);
  expect(error).toHaveBeenCalledTimes(1);
  expect(error).toHaveBeenCalledWith(expect.objectContaining({ fleet: 'bad' }), expect.any(String));

  broken = false;
  now += 300_000;
  await convergence.advance();
  expect(served).toContain('bad');
});
