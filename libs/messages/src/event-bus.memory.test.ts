import { describe, expect, it } from 'vitest';
import { BusUnavailable } from './errors.ts';
import { eventBusContract, frame } from './event-bus.contract.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';

eventBusContract(async () => {
  const bus = createMemoryEventBus({ retryPauseMs: 10, patienceMs: 1_000 });
  return { join: async () => bus, close: () => bus.close() };
});

describe('the bus in one process', () => {
  it('lets a gateway publish reports no faster than they are handled', async () => {
    const bus = createMemoryEventBus({ retryPauseMs: 10 });
    let attempts = 0;
    await bus.consume('reports', 'inventory', async () => {
      attempts += 1;
      if (attempts < 3) throw new Error('not now');
    });
    await bus.publish('reports', frame('gateway-a', 1));
    expect(attempts).toBe(3);
    await bus.close();
  });

  it('takes no more facts when a group lags too far behind', async () => {
    const bus = createMemoryEventBus({ retryPauseMs: 10, maxBacklog: 2 });
    const failing = await bus.consume('fleets.changed', 'a', () => Promise.reject(new Error('not now')));
    await failing.stop();
    await bus.publish('fleets.changed', { name: 'one' });
    await bus.publish('fleets.changed', { name: 'two' });
    await expect(bus.publish('fleets.changed', { name: 'three' })).rejects.toThrow(BusUnavailable);
    await bus.close();
  });

  it('lets facts of a group go that takes nothing, and keeps no publisher waiting', async () => {
    const bus = createMemoryEventBus({ retryPauseMs: 10_000, maxBacklog: 3, patienceMs: 100 });
    const names: string[] = [];
    const collect = async (facts: { name: string }[]) => void names.push(...facts.map(({ name }) => name));
    await bus.consume('fleets.changed', 'stuck', () => Promise.reject(new Error('always')), { maxBatch: 1 });
    await bus.consume('fleets.changed', 'healthy', collect);
    const all = Array.from({ length: 20 }, (_, index) => `fleet-${index}`);
    for (const name of all) {
      await expect.poll(() => bus.publish('fleets.changed', { name }).catch(() => 'not now')).toBeUndefined();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => names).toEqual(all);
    await bus.close();
  });

  it('tells the publisher of reports that were not handled before the bus closed', async () => {
    const bus = createMemoryEventBus();
    const published = bus.publish('reports', frame('gateway-a', 1));
    await Promise.all([expect(published).rejects.toThrow(BusUnavailable), bus.close()]);
  });
});
