import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDatabase, writingTransactions } from './harness/database.ts';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, startFakeAgents } from './harness/fleet.ts';
import { modes, Muster } from './harness/muster.ts';

const agentCount = 100;
const heartbeatsEach = 20;

describe.each(modes)('heartbeats, %s', (mode) => {
  let muster: Muster;
  let database: Client;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ mode });
    database = await connectDatabase(muster);
  });
  afterAll(async () => {
    await database?.end();
    await muster?.dispose();
  });

  test('write nothing to the database', async () => {
    const agents = await startFakeAgents(muster, agentCount);
    await expect
      .poll(() => muster.rest.agents('limit=500&status=connected'), { timeout: 5_000 })
      .toHaveLength(agentCount);
    const before = await writingTransactions(database);

    for (let beat = 0; beat < heartbeatsEach; beat++) {
      await Promise.all(agents.map((agent) => agent.heartbeat()));
    }

    // what writes beside them (last seen, every so often for all agents at once) does not grow with their number
    expect((await writingTransactions(database)) - before).toBeLessThan(10);
    expect(agents.reduce((sum, agent) => sum + agent.fullStateAsked, 0)).toBe(0);
    await cutAll(agents);
  });

  test('of which changes are told apart: a report that says something new is written', async () => {
    const [agent] = await startFakeAgents(muster, 1, { attributes: { number: 'changing' } });
    const before = await writingTransactions(database);

    await agent!.report({ health: { healthy: false, lastError: 'disk full', status: 'StatusError' } });

    await expect
      .poll(() => muster.rest.agents('selector=number=changing'), { timeout: 5_000 })
      .toMatchObject([{ healthy: false }]);
    expect(await writingTransactions(database)).toBeGreaterThan(before);
    await cutAll([agent!]);
  });
});
