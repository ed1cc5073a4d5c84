import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FakeAgent } from '@muster/opamp/fake-agent';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, startFakeAgents, uidOf } from './harness/fleet.ts';
import { logged, modes, Muster } from './harness/muster.ts';
import type { Agent } from './harness/rest-client.ts';

const secrets = /mus_(admin|enroll)_[\w-]+/;
const agentCount = 20;
const backTimeout = { timeout: 15_000, interval: 100 };

describe.each(modes)('what was acknowledged outlives the process, %s', (mode) => {
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode, withoutNpm: true });
  });
  afterAll(() => muster?.dispose());

  /** Makes configurations until the server is gone; answers the names of those that were acknowledged. */
  async function writeUntilGone(prefix: string): Promise<string[]> {
    const acknowledged: string[] = [];
    for (let number = 1; ; number++) {
      const name = `${prefix}-${number}`;
      try {
        await muster.rest.post('configurations', { name, body: 'receivers: {}\n' });
      } catch {
        return acknowledged;
      }
      acknowledged.push(name);
    }
  }

  async function configurationNames(): Promise<string[]> {
    const { items } = await muster.rest.get<{ items: { name: string }[] }>('configurations?limit=500');
    return items.map(({ name }) => name);
  }

  async function bringBack(agents: FakeAgent[]): Promise<void> {
    await cutAll(agents);
    await Promise.all(agents.map((agent) => agent.reconnect()));
  }

  function expectAll(agents: FakeAgent[], expected: Partial<Agent>) {
    const listed = async () => {
      const known = await muster.rest.agents('limit=500&selector=service.name=fake-agent');
      const uids = new Set(agents.map(uidOf));
      return known.filter(({ uid }) => uids.has(uid));
    };
    return expect
      .poll(listed, backTimeout)
      .toEqual(agents.map(() => expect.objectContaining({ hostname: 'fake-host', ...expected })));
  }

  test('kill -9 of everything, in the middle of writes and enrolments', async () => {
    const settled = await startFakeAgents(muster, agentCount);
    await expectAll(settled, { status: 'connected' });
    const writing = writeUntilGone('killed');
    await sleep(300); // some writes are through, others under way
    const newcomers = await startFakeAgents(muster, agentCount);
    await muster.kill();
    const acknowledged = await writing;

    await muster.startAgain();

    expect(muster.output).not.toMatch(secrets);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(await configurationNames()).toEqual(expect.arrayContaining(acknowledged));
    const agents = [...settled, ...newcomers];
    await bringBack(agents);
    await expectAll(agents, { status: 'connected', healthy: true });
    await cutAll(agents);
  });

  test('kill -9 of the main process alone leaves nothing in the way of the next start', async () => {
    const writing = writeUntilGone('orphaned');
    await sleep(300); // as above
    await muster.killMain();
    const acknowledged = await writing;

    await muster.startAgain();

    expect(acknowledged.length).toBeGreaterThan(0);
    expect(await configurationNames()).toEqual(expect.arrayContaining(acknowledged));
  });

  test('Ctrl-C stops it within 5 s, and the next start keeps everything and prints no secret', async () => {
    const agents = await startFakeAgents(muster, agentCount);
    await expectAll(agents, { status: 'connected' });
    const configurations = await configurationNames();

    const { code, tookMs } = await muster.stop();

    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(5_000);

    await muster.startAgain();

    expect(muster.output).not.toMatch(secrets);
    expect(await configurationNames()).toEqual(configurations);
    await bringBack(agents);
    await expectAll(agents, { status: 'connected' });
    await cutAll(agents);
  });
});
