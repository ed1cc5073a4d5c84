import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Child, commandLine, descendants } from './harness/child.ts';
import { showOnFailure } from './harness/failure.ts';
import { freshSettings, repository, userEnvironment } from './harness/muster.ts';
import { RestClient, type Page, type Rollout } from './harness/rest-client.ts';

interface Overview {
  agents: number;
  connected: number;
}

let home: string;
let demo: Child;
let rest: RestClient;

showOnFailure(() => ({ demo: demo?.output }));
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'muster-e2e-'));
  const settings = await freshSettings(join(home, 'data'));
  demo = await Child.start('npm', ['run', '--silent', 'demo'], {
    cwd: repository,
    env: { ...userEnvironment(), ...settings },
  });
  await vi.waitFor(() => expect(demo.output.includes('The demo is ready.') || !demo.running).toBe(true), {
    timeout: 120_000,
  });
  expect(demo.output).toContain('The demo is ready.');
  const line = (label: string) => new RegExp(`^ +${label} +(.+)$`, 'm').exec(demo.output)?.[1] ?? '';
  const key = await readFile(line('Admin key').replace('in ', ''), 'utf8');
  rest = new RestClient(line('Web UI and API'), key.trim());
});
afterAll(async () => {
  await demo?.killTree();
  await rm(home, { recursive: true, force: true });
});

test('npm run demo shows a fleet of 200 agents of three kinds', async () => {
  await expect.poll(async () => (await rest.get<Overview>('overview')).agents, { timeout: 30_000 }).toBe(200);
  expect((await rest.get<Overview>('overview')).connected).toBeGreaterThan(180);
  const agents = await rest.agents('limit=500');
  expect(new Set(agents.map(({ type }) => type))).toEqual(
    new Set(['otelcol-contrib', 'otelcol-k8s', 'otelcol']),
  );
  expect(agents.some(({ healthy }) => healthy === false)).toBe(true);
});

test('which gets its configurations and a canary', async () => {
  await expect
    .poll(async () => (await rest.get<Page<Rollout>>('rollouts')).items.map(({ state }) => state), {
      timeout: 110_000,
      interval: 500,
    })
    .toEqual(['completed', 'completed', 'completed']);
  const applied = await rest.agents('limit=500&selector=service.name in (otelcol-contrib,otelcol)');
  const onSecond = applied.filter(({ configuration }) => configuration.current?.version === 2);
  expect(onSecond.length).toBeGreaterThan(applied.length * 0.8);
  expect(applied.some(({ configuration }) => configuration.status === 'failed')).toBe(true);
});

test('and stops at Ctrl-C, agents and all', async () => {
  const below = descendants(demo.pid);
  expect(below.some((pid) => commandLine(pid).includes('simulator-process'))).toBe(true);
  demo.interrupt();
  await demo.exited;
  await expect
    .poll(() => below.map(commandLine).filter((line) => line !== ''), { timeout: 20_000 })
    .toEqual([]);
  expect(demo.errors).toEqual([]);
});
