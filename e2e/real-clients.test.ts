import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { realCollector, referenceClient } from './harness/binaries.ts';
import { ExtensionCollector } from './harness/extension-collector.ts';
import { showOnFailure } from './harness/failure.ts';
import { modes, Muster } from './harness/muster.ts';
import { ReferenceClient } from './harness/reference-client.ts';
import { overHttp } from './harness/supervisor.ts';

/** The reference client waits up to 60 s between attempts, but not in the first ones. */
const comesBack = { timeout: 40_000, interval: 100 };
/** Heartbeats and polls are fast here; the silence that ends an HTTP agent is long enough for a busy machine. */
const intervalSeconds = 1;
const silenceSeconds = 15;

const transports = ['websocket', 'http'] as const;
type Transport = (typeof transports)[number];

describe.each(modes)('clients that others wrote, %s', (mode) => {
  let muster: Muster;
  let client: ReferenceClient | undefined;
  let collector: ExtensionCollector | undefined;

  showOnFailure(() => ({ muster: muster?.output, client: client?.output, collector: collector?.output }));
  beforeAll(async () => {
    muster = await Muster.start({
      mode,
      withoutNpm: true,
      env: { MUSTER_HTTP_SILENCE_SECONDS: String(silenceSeconds) },
    });
    await muster.rest.post('configurations', { name: 'edge', body: 'receivers: {} # one\n' });
    await muster.rest.put('fleets/all', {
      selector: 'service.name=reference-client',
      configuration: 'edge',
    });
  });
  afterEach(async () => {
    await client?.dispose();
    await collector?.dispose();
    client = undefined;
    collector = undefined;
  });
  afterAll(() => muster?.dispose());

  function urlOf(transport: Transport): string {
    const [socket] = muster.opamp as [string];
    return transport === 'http' ? overHttp(socket) : socket;
  }

  async function startClient(transport: Transport) {
    const started = await ReferenceClient.start({
      url: urlOf(transport),
      token: muster.enrollmentToken,
      intervalSeconds,
    });
    client = started;
    const agent = async () => muster.rest.agent(await started.uid());
    return { started, agent };
  }

  /** The only version there is, applied and confirmed. */
  const applied = {
    status: 'connected',
    configuration: { status: 'applied', current: { name: 'edge', version: 1 } },
    effectiveConfig: { '': 'receivers: {} # one\n' },
    remoteConfigStatus: { status: 'applied' },
  };

  describe.skipIf(!referenceClient.found).each(transports)('the reference client over %s', (transport) => {
    test('is shown as it is and takes its configuration', async () => {
      const { started, agent } = await startClient(transport);

      await expect.poll(agent, comesBack).toMatchObject({
        ...applied,
        transport,
        healthy: true,
        type: 'reference-client',
        version: '0.23.0',
        os: 'linux',
        components: { components: { receivers: { components: { nop: {} } } } },
      });

      started.reportHealth('disk full');
      await expect
        .poll(agent, comesBack)
        .toMatchObject({ healthy: false, health: { lastError: 'disk full' } });
      started.reportHealth();
      await expect.poll(agent, comesBack).toMatchObject({ healthy: true });
      expect(started.events('offered')).toHaveLength(1);
      expect(started.events('fullStateAsked')).toEqual([]);
      expect(started.events('error')).toEqual([]);
    });

    test('goes on with what changed when the server was restarted', async () => {
      const { started, agent } = await startClient(transport);
      await expect.poll(agent, comesBack).toMatchObject(applied);

      await muster.stop();
      started.reportHealth('said while the server was away');
      await muster.startAgain();

      await expect.poll(agent, comesBack).toMatchObject({
        ...applied,
        healthy: false,
        health: { lastError: 'said while the server was away' },
      });
      // the all-in-one keeps what it knew of sessions in memory, the cluster in Redis
      expect(started.events('fullStateAsked').length).toBeLessThanOrEqual(mode === 'all-in-one' ? 1 : 0);
      expect(started.events('offered')).toHaveLength(1);
    });

    test('keeps its history under the instance uid that it asks for', async () => {
      const { started, agent } = await startClient(transport);
      await expect.poll(agent, comesBack).toMatchObject(applied);
      const before = await started.uid();

      started.requestInstanceUid();

      await expect.poll(() => started.uid(), comesBack).not.toBe(before);
      started.reportHealth('said under the new uid');
      await expect
        .poll(agent, comesBack)
        .toMatchObject({ ...applied, healthy: false, health: { lastError: 'said under the new uid' } });
      expect(started.events('identified')).toHaveLength(1);
      expect(started.events('offered')).toHaveLength(1);
      await expect.poll(() => muster.rest.agent(before).catch(({ status }) => status), comesBack).toBe(404);
    });

    test('is disconnected when it stops', { timeout: (silenceSeconds + 60) * 1_000 }, async () => {
      const { started, agent } = await startClient(transport);
      await expect.poll(agent, comesBack).toMatchObject(applied);

      await started.stop();

      // the library says goodbye over WebSocket, not over HTTP
      const patience = transport === 'websocket' ? 1_000 : (silenceSeconds + 10) * 1_000;
      await expect.poll(agent, { timeout: patience, interval: 50 }).toMatchObject({ status: 'disconnected' });
    });
  });

  describe.skipIf(!realCollector.found).each(transports)(
    'a collector with the opamp extension alone over %s',
    (transport) => {
      test('is shown as it is, also after a restart of the server and its own', async () => {
        const uid = randomUUID();
        const started = await ExtensionCollector.start({
          url: urlOf(transport),
          token: muster.enrollmentToken,
          uid,
          pollSeconds: intervalSeconds,
        });
        collector = started;
        const agent = () => muster.rest.agent(uid);
        const shown = {
          status: 'connected',
          transport,
          healthy: true,
          type: 'otelcol',
          version: '0.149.0',
          attributes: { role: 'alone' },
          configuration: { status: 'none' },
          effectiveConfig: { '': expect.stringContaining('exporters:') },
          health: { components: { 'pipeline:traces': { healthy: true } } },
          components: { components: { receivers: { components: { nop: expect.anything() } } } },
        };
        await expect.poll(agent, comesBack).toMatchObject(shown);
        const { effectiveConfig } = await agent();
        expect(effectiveConfig?.['']).not.toContain(muster.enrollmentToken);

        await muster.stop();
        await muster.startAgain();
        await expect.poll(agent, comesBack).toMatchObject(shown);

        await started.stop();
        await started.start();
        await expect.poll(agent, comesBack).toMatchObject(shown);
        expect(started.output).not.toMatch(/error response/);
      });
    },
  );
});
