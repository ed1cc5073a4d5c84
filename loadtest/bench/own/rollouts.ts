import { SimulatorPool } from '@muster/simulator/simulator-pool';
import type { GivenOptions } from '@muster/simulator/options';
import { startMuster, type MusterSubject } from '../muster.ts';
import { SubjectFailed, until } from '../subject.ts';
import type { OwnFigure } from './own-figure.ts';

const agents = 10_000;
/** Of those, agents of a kind of which some fail what they are offered. */
const frailAgents = 3_000;
const failShare = 0.05;
const patienceMs = 180_000;
/** Waves of more agents than this are spread at so many a second, unless a policy says otherwise. */
const usualPace = 2_000;
const goals = { completed: 60, beyond: 0, back: 30 };
const atOnce = { waves: ['100%'], soakSeconds: 0, maxFailed: '100%' };

interface Rollout {
  id: string;
  state: string;
  reason: string;
  wave: number;
  waves: { size: number }[];
  finishedAt: string | null;
}

/** How long a rollout takes to all, and how soon a bad version is stopped and taken back. */
export const rollouts: OwnFigure = async (_options, { print }) => {
  print(`\n### Rollouts, ${agents} agents, all-in-one\n`);
  print('| figure | value | goal | |\n| --- | --- | --- | --- |');
  const row = (what: string, value: number, unit: string, goal?: number) =>
    print(
      `| ${what} | ${Number(value.toFixed(1))}${unit} | ${goal ?? ''} | ${goal === undefined ? '' : value <= goal ? '✓' : '✗'} |`,
    );
  await withFleet([{ agents, kinds: ['contrib', 'k8s'] }], async ({ api }) => {
    await api.call('POST', '/configurations', { name: 'bench', body: bodyOf(1) });
    const began = Date.now();
    const { id } = await start(api, 1, { soakSeconds: 0 });
    const { waves, finishedAt } = await ended(api, id, 'completed');
    const seconds = (Date.parse(finishedAt!) - began) / 1_000;
    const spread = waves.filter(({ size }) => size > usualPace).reduce((sum, { size }) => sum + size, 0);
    row('POST until completed, default gates, no soak', seconds, ' s', goals.completed);
    row('of it, offers spread as the policy asks', spread / usualPace, ' s');
  });
  const parts: Part[] = [
    { agents: agents - frailAgents, kinds: ['contrib'] },
    { agents: frailAgents, kinds: ['k8s'], firstAgent: agents, failShare },
  ];
  await withFleet(parts, async ({ api, counters }, pools) => {
    await api.call('POST', '/configurations', { name: 'bench', body: bodyOf(1) });
    await ended(api, (await start(api, 1, atOnce)).id, 'completed');
    await api.call('POST', '/configurations/bench/versions', { body: bodyOf(2) });
    const before = await answers(pools);
    const { id } = await start(api, 2, { soakSeconds: 0, maxFailed: '1', onBreach: 'rollback' });
    const breachedAt = await breach(api, id);
    await until('the agents are back', async () => (await counters.applied(id)) === 0, patienceMs, 100);
    const back = (Date.now() - breachedAt) / 1_000;
    const { wave, waves } = await ended(api, id, 'rolledBack');
    const after = await answers(pools);
    const reached = waves.slice(0, wave + 1).reduce((sum, { size }) => sum + size, 0);
    // Who can take a version takes two of them, the new one and the one before; who cannot fails once.
    const touched = (after.applied - before.applied) / 2 + (after.failed - before.failed);
    row(`stopped in wave (of ${waves.length})`, wave + 1, '');
    row('agents that were offered it', touched, '');
    row('of them beyond that wave', Math.max(0, touched - reached), '', goals.beyond);
    row('breach until nobody runs it', back, ' s', goals.back);
  });
};

type Part = Partial<GivenOptions> & { agents: number };
type Api = MusterSubject['api'];

/** A server with these agents connected and in the fleet `bench`; both are gone afterwards. */
async function withFleet(
  parts: readonly Part[],
  work: (subject: MusterSubject, pools: readonly SimulatorPool[]) => Promise<void>,
): Promise<void> {
  const subject = await startMuster({ mode: 'all-in-one' });
  const { urls, token, api } = subject;
  const pools = parts.map((part) => new SimulatorPool({ urls, token: token!, ...part }));
  try {
    for (const pool of pools) await pool.start();
    await api.call('PUT', '/fleets/bench', { selector: 'service.name' });
    const isWhole = async () => {
      const fleet = await api.call<{ agents: number; connected: number }>('GET', '/fleets/bench');
      return fleet.connected >= agents;
    };
    await until('all agents are in the fleet', isWhole, patienceMs, 500);
    await work(subject, pools);
  } finally {
    for (const pool of pools) await pool.stop(false);
    await subject.stop();
  }
}

function start(api: Api, version: number, policy: object): Promise<Rollout> {
  return api.call<Rollout>('POST', '/rollouts', { fleet: 'bench', configuration: 'bench', version, policy });
}

/** Throws `SubjectFailed` when it ends in another way. */
async function ended(api: Api, id: string, wanted: string): Promise<Rollout> {
  let rollout: Rollout | undefined;
  const isThere = async () => {
    rollout = await api.call<Rollout>('GET', `/rollouts/${id}`);
    const { state, reason } = rollout;
    if (state === wanted) return true;
    if (state !== 'running' && state !== 'rollingBack')
      throw new SubjectFailed(`the rollout is ${state}, not ${wanted}: ${reason}`);
    return false;
  };
  await until(`the rollout is ${wanted}`, isThere, patienceMs, 250);
  return rollout!;
}

/** When the gate stopped it, Unix milliseconds. */
async function breach(api: Api, id: string): Promise<number> {
  let at: string | undefined;
  const happened = async () => {
    const { items } = await api.call<{ items: { at: string; kind: string }[] }>(
      'GET',
      `/rollouts/${id}/events`,
    );
    if (items.some(({ kind }) => kind === 'completed'))
      throw new SubjectFailed('no gate stopped the rollout');
    at = items.find(({ kind }) => kind === 'breached')?.at;
    return at !== undefined;
  };
  await until('the rollout is stopped by a gate', happened, patienceMs, 100);
  return Date.parse(at!);
}

async function answers(pools: readonly SimulatorPool[]): Promise<{ applied: number; failed: number }> {
  const stats = await Promise.all(pools.map((pool) => pool.stats()));
  const total = (of: 'applied' | 'failed') => stats.reduce((sum, each) => sum + each[of], 0);
  return { applied: total('applied'), failed: total('failed') };
}

function bodyOf(version: number): string {
  return `receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:${4317 + version}}}}}
exporters: {debug: {}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
`;
}
