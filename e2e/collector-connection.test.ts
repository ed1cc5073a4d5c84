import { freePort } from '@muster/platform/local-server';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { realCollector } from './harness/binaries.ts';
import { servingOtlp } from './harness/collector-config.ts';
import { showOnFailure } from './harness/failure.ts';
import { fakeAgent, uidOf } from './harness/fleet.ts';
import { modes, Muster } from './harness/muster.ts';
import { overHttp, Supervisor } from './harness/supervisor.ts';

/** Just above the 30 s in which a supervisor polls over plain HTTP. */
const silenceSeconds = 35;
const applied = {
  healthy: true,
  configuration: { status: 'applied', current: { name: 'edge', version: 1 } },
};

describe.skipIf(!realCollector.found).each(modes)('a real supervisor comes and goes, %s', (mode) => {
  let muster: Muster;
  let supervisor: Supervisor | undefined;

  showOnFailure(() => ({ muster: muster?.output, supervisor: supervisor?.logs }));
  beforeAll(async () => {
    muster = await Muster.start({ mode, env: { MUSTER_HTTP_SILENCE_SECONDS: String(silenceSeconds) } });
    await muster.rest.post('configurations', { name: 'edge', body: servingOtlp(await freePort()) });
    await muster.rest.put('fleets/all', { selector: 'service.name=otelcol', configuration: 'edge' });
  });
  afterEach(() => supervisor?.dispose());
  afterAll(() => muster?.dispose());

  async function startSupervisor(yaml: string) {
    const started = await Supervisor.startVerbose(yaml);
    supervisor = started;
    const uid = await started.uid();
    const agent = () => muster.rest.agent(uid);
    await expect
      .poll(agent, { timeout: (silenceSeconds + 10) * 1_000 })
      .toMatchObject({ status: 'connected', ...applied });
    return { started, agent };
  }

  test('over WebSocket: disconnected when killed or stopped, connected when back, nothing offered twice', async () => {
    const { started, agent } = await startSupervisor(muster.supervisorYaml);
    expect(await agent()).toMatchObject({ transport: 'websocket' });

    await started.kill();
    await expect.poll(agent, { timeout: 5_000 }).toMatchObject({ status: 'disconnected' });
    await started.start();
    await expect.poll(agent, { timeout: 20_000 }).toMatchObject({ status: 'connected', ...applied });

    await started.stop();
    await expect.poll(agent, { timeout: 5_000 }).toMatchObject({ status: 'disconnected' });
    await started.start();
    await expect.poll(agent, { timeout: 20_000 }).toMatchObject({ status: 'connected', ...applied });

    expect(started.offers).toHaveLength(1);
  });

  test('over plain HTTP: the same, and disconnected after silence', { timeout: 180_000 }, async () => {
    const silent = fakeAgent(muster, 0, { url: overHttp(muster.opamp[0] as string) });
    await silent.start();
    const { started, agent } = await startSupervisor(overHttp(muster.supervisorYaml));
    expect(await agent()).toMatchObject({ transport: 'http' });

    await expect
      .poll(() => muster.rest.agent(uidOf(silent)), { timeout: (silenceSeconds + 5) * 1_000 })
      .toMatchObject({ status: 'disconnected', transport: 'http' });
    expect(await agent()).toMatchObject({ status: 'connected' });

    await started.stop();
    await started.start();
    await expect.poll(agent, { timeout: 20_000 }).toMatchObject({ status: 'connected', ...applied });
    expect(started.offers).toHaveLength(1);
  });
});

describe.each(modes)('an agent that says goodbye, %s', (mode) => {
  let muster: Muster;

  beforeAll(async () => {
    muster = await Muster.start({ mode });
  });
  afterAll(() => muster?.dispose());

  test.each(['websocket', 'http'])('is disconnected at once, over %s', async (transport) => {
    const [socket] = muster.opamp as [string];
    const agent = fakeAgent(muster, 0, { url: transport === 'http' ? overHttp(socket) : socket });
    const seen = () => muster.rest.agent(uidOf(agent));
    await agent.start();
    await expect.poll(seen, { timeout: 3_000 }).toMatchObject({ status: 'connected', transport });

    await agent.stop();

    await expect.poll(seen, { timeout: 500 }).toMatchObject({ status: 'disconnected' });
  });
});
