import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backends } from './harness/backends.ts';
import { showOnFailure } from './harness/failure.ts';
import { fakeAgent, uidOf } from './harness/fleet.ts';
import { buildPreviousRelease } from './harness/previous-release.ts';
import { migrate, Processes, thisRelease, type Release } from './harness/processes.ts';

const soon = { timeout: 60_000, interval: 200 };

describe('an upgrade from the release before, and the step back', { timeout: 240_000 }, () => {
  let backends: Backends;
  let before: Release;
  let older: Processes;
  let newer: Processes;
  let olderAgent: ReturnType<typeof fakeAgent>;
  let newerAgent: ReturnType<typeof fakeAgent>;

  showOnFailure(() => ({ ...older?.outputs, ...newer?.outputs }));
  beforeAll(async () => {
    before = buildPreviousRelease();
    backends = await Backends.start();
  }, 300_000);
  afterAll(async () => {
    await Promise.all([older?.dispose(), newer?.dispose()]);
    await backends?.dispose();
  });

  /** Version `version` of edge is on both, as the API of this release shows it. */
  const applied = (processes: Processes, agent: ReturnType<typeof fakeAgent>, version: number) =>
    expect
      .poll(() => processes.rest.agent(uidOf(agent)), soon)
      .toMatchObject({ status: 'connected', configuration: { status: 'applied', current: { version } } });

  const rollOut = async (processes: Processes, version: number) => {
    await processes.rest.post('configurations/edge/versions', { body: `receivers: {} # ${version}\n` });
    await processes.rest.post('rollouts', { fleet: 'all', configuration: 'edge', version });
  };

  test('the release before makes the database and its rows', async () => {
    older = await Processes.start({ backends, release: before, gateways: ['gateway-old'] });
    olderAgent = fakeAgent(older);
    await olderAgent.start();
    await older.rest.post('configurations', { name: 'edge', body: 'receivers: {}\n' });
    await older.rest.put('fleets/all', { selector: '', configuration: 'edge' });
    await applied(older, olderAgent, 1);
  });

  test('it runs on while the database is migrated, and after', async () => {
    await migrate(thisRelease, backends);
    await rollOut(older, 2);
    await applied(older, olderAgent, 2);
    for (const name of ['inventory', 'configs', 'rollouts', 'api']) {
      expect(await older.stop(name)).toMatchObject({ code: 0 });
      await older.launch(name); // a pod that is replaced in the middle
      await older.ready(name);
    }
  });

  test('both run side by side, and each shows and steers what the other did', async () => {
    newer = await Processes.start({ backends, release: thisRelease, gateways: ['gateway-new'] });
    newerAgent = fakeAgent(newer, 0, { attributes: { release: 'new' } });
    await newerAgent.start();
    await applied(newer, olderAgent, 2);
    await rollOut(newer, 3);
    for (const processes of [older, newer])
      for (const agent of [olderAgent, newerAgent]) await applied(processes, agent, 3);
    await rollOut(older, 4);
    for (const processes of [older, newer])
      for (const agent of [olderAgent, newerAgent]) await applied(processes, agent, 4);
  });

  test('this release goes on alone, with every row of the one before', async () => {
    await older.stopAll();
    await olderAgent.reconnect(newer.opamp[0]);
    await rollOut(newer, 5);
    for (const agent of [olderAgent, newerAgent]) await applied(newer, agent, 5);
    const { items } = await newer.rest.get<{ items: { version: number }[] }>('configurations/edge/versions');
    expect(items.map(({ version }) => version).toSorted()).toEqual([1, 2, 3, 4, 5]);
  });

  test('one release back: the older processes start on the newer schema and go on', async () => {
    await newer.stopAll();
    older = await Processes.start({ backends, release: before, gateways: ['gateway-old'] });
    await olderAgent.reconnect(older.opamp[0]);
    await newerAgent.reconnect(older.opamp[0]);
    for (const agent of [olderAgent, newerAgent]) await applied(older, agent, 5);
    await rollOut(older, 6);
    for (const agent of [olderAgent, newerAgent]) await applied(older, agent, 6);
    expect(await migrate(thisRelease, backends)).toContain('up to date');
  });
});
