import { freePort } from '@muster/platform/local-server';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { realCollector } from './harness/binaries.ts';
import { servesOtlp } from './harness/collector-config.ts';
import { showOnFailure } from './harness/failure.ts';
import { modes, Muster } from './harness/muster.ts';
import type { AgentDetail, Page, Rollout } from './harness/rest-client.ts';
import { oneOfMany, Supervisor } from './harness/supervisor.ts';

/** What supervisors take to believe in a configuration or to give it up, one after the other. */
const settled = { timeout: 60_000, interval: 200 };

/** Seconds. The older collector exits again and again over what it cannot read, and its supervisor says nothing. */
const answered = 15;

/** Serves OTLP on the agent's own port; `resource` is an attribute of the collector's own telemetry. */
const serving = (resource: string) => `receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:{{ labels.port }}"}}}
exporters:
  nop:
service:
  telemetry: {metrics: {level: none}, resource: {note: "${resource}"}}
  pipelines:
    traces: {receivers: [otlp], exporters: [nop]}
`;
/** Only the newer collector has the provider that this needs. */
const forNewCollectors = serving('${yaml:second}');
const forNobody = serving('third').replace('{http: {', '{http: {teleporter: true, ');

interface RolloutView extends Rollout {
  cohorts: { version: string; state: string; size: number; counts: Record<string, number> }[];
  waves: { size: number }[];
}

describe.skipIf(!realCollector.found).each(modes)(
  'three real collectors, one of an older version, in one fleet, %s',
  (mode) => {
    let muster: Muster;
    const supervisors: Supervisor[] = [];
    let uids: string[];
    let ports: number[];
    /** In the order of `uids`: two new ones and the older one. */
    const agents = (): Promise<AgentDetail[]> => Promise.all(uids.map((uid) => muster.rest.agent(uid)));
    const rollout = (id: string): Promise<RolloutView> => muster.rest.get(`rollouts/${id}`);
    const serve = () => Promise.all(ports.map(servesOtlp));

    showOnFailure(() => ({
      muster: muster?.output,
      ...Object.fromEntries(supervisors.map((supervisor, index) => [`supervisor ${index}`, supervisor.logs])),
    }));
    beforeAll(async () => {
      muster = await Muster.start({ mode });
      for (const collector of ['otelcol', 'otelcol', 'otelcol-previous'] as const) {
        supervisors.push(await Supervisor.startVerbose(oneOfMany(muster.supervisorYaml), collector));
      }
      uids = await Promise.all(supervisors.map((supervisor) => supervisor.uid()));
      ports = await Promise.all(uids.map(() => freePort()));
      await vi.waitFor(
        async () =>
          expect(await muster.rest.agents()).toEqual(
            uids.map(() => expect.objectContaining({ healthy: true })),
          ),
        settled,
      );
      for (const [index, uid] of uids.entries()) {
        await muster.rest.patch(`agents/${uid}`, { labels: { port: String(ports[index]) } });
      }
    });
    afterAll(async () => {
      await Promise.all(supervisors.map((supervisor) => supervisor.dispose()));
      await muster?.dispose();
    });

    test('each gets its own text of one configuration', async () => {
      await muster.rest.post('configurations', { name: 'edge', body: serving('first') });
      await muster.rest.put('fleets/edge', {
        selector: 'port',
        configuration: 'edge',
        policy: { waves: ['1', '100%'], soakSeconds: 1, applyDeadlineSeconds: answered },
      });
      await expect
        .poll(agents, settled)
        .toEqual(
          uids.map(() =>
            expect.objectContaining({ configuration: expect.objectContaining({ status: 'applied' }) }),
          ),
        );
      await expect.poll(serve, settled).toEqual([true, true, true]);
      expect((await agents()).map(({ version }) => version)).toEqual(['0.149.0', '0.149.0', '0.145.0']);
      const hashes = (await agents()).map(({ configuration }) => configuration.current!.hash);
      expect(new Set(hashes).size).toBe(3);
    });

    test('a version that only the older collector refuses stops for its cohort alone', async () => {
      const { items } = await muster.rest.get<Page<Rollout>>('rollouts?fleet=edge');
      await expect.poll(() => rollout(items[0]!.id), settled).toMatchObject({ state: 'completed' });
      await muster.rest.post('configurations/edge/versions', { body: forNewCollectors });
      const { id } = await muster.rest.post<Rollout>('rollouts', {
        fleet: 'edge',
        configuration: 'edge',
        version: 2,
        policy: { breachScope: 'cohort', onBreach: 'rollback', quarantine: 'cohort' },
      });

      await expect.poll(() => rollout(id), settled).toMatchObject({ state: 'completed' });
      const { waves, cohorts } = await rollout(id);
      // the canary is one of each version
      expect(waves.map(({ size }) => size)).toEqual([2, 1]);
      expect(cohorts).toMatchObject([
        { version: '0.149.0', size: 2, state: 'running', counts: { applied: 2 } },
        { version: '0.145.0', size: 1, state: 'rolledBack', counts: { rolledBack: 1 } },
      ]);
      expect((await agents()).map(({ configuration }) => configuration.current?.version)).toEqual([2, 2, 1]);
      await expect.poll(serve, settled).toEqual([true, true, true]);

      const events = await muster.rest.get<Page<{ kind: string; detail: unknown }>>(`rollouts/${id}/events`);
      expect(events.items.map(({ kind }) => kind)).toContain('breached');
      const quarantines = await muster.rest.get<Page<Record<string, unknown>>>('quarantines');
      expect(quarantines.items).toContainEqual(
        expect.objectContaining({ kind: 'cohort', configuration: 'edge', version: 2 }),
      );
      const refused = supervisors[2]!.offers;
      expect(new Set(refused).size).toBe(2);
    });

    test('a version that all refuse reaches the canary alone, and every agent is back by itself', async () => {
      await muster.rest.post('configurations/edge/versions', { body: forNobody });
      const before = supervisors.map(({ offers }) => offers.length);
      const { id } = await muster.rest.post<Rollout>('rollouts', {
        fleet: 'edge',
        configuration: 'edge',
        version: 3,
        policy: { onBreach: 'rollback' },
      });

      await expect.poll(() => rollout(id), settled).toMatchObject({ state: 'rolledBack' });
      await expect
        .poll(agents, settled)
        .toMatchObject(
          [2, 2, 1].map((version) => ({ configuration: { current: { version } }, healthy: true })),
        );
      await expect.poll(serve, settled).toEqual([true, true, true]);
      const touched = supervisors.filter(({ offers }, index) => offers.length > before[index]!);
      expect(touched.length).toBeLessThan(3);
    });
  },
);
