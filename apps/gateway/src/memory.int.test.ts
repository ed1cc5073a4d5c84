import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { FakeAgent } from '@muster/opamp/fake-agent';
import { token } from './gateway-rig.setup.ts';

/** What a container would let the gateway have, and what of it V8 is told to use. */
const limitMiB = 512;
const heapMiB = 128;
/** No answer may wait longer. */
const longestWaitMs = 250;
const attackMs = 6_000;
/** Time other work on the machine takes is not the gateway's: what it measures itself is compared first. */
const slack = process.env['CI'] ? 1 : 3;

const gatewayFile = fileURLToPath(new URL('limited-gateway.setup.ts', import.meta.url));
const sendersFile = fileURLToPath(new URL('hostile-senders.setup.ts', import.meta.url));
const attacks = JSON.parse(
  execFileSync(process.execPath, [sendersFile, '0', token, 'names'], { encoding: 'utf8' }),
) as string[];

let gateway: ChildProcess;
let port: number;
let senders: ChildProcess | null = null;

beforeAll(async () => {
  gateway = fork(gatewayFile, { execArgv: [`--max-old-space-size=${heapMiB}`, '--max-semi-space-size=2'] });
  [{ port }] = (await once(gateway, 'message')) as [{ port: number }];
}, 30_000);

afterEach(() => void senders?.kill('SIGKILL'));

afterAll(() => void gateway.kill('SIGKILL'));

async function asked(): Promise<{ longestDelayMs: number; metrics: Record<string, number> }> {
  const answer = once(gateway, 'message');
  gateway.send('?');
  return (await answer)[0];
}

function peakMiB(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

it.each(attacks)('%s: memory stays below the limit, and others are answered', { timeout: 60_000 }, async (attack) => {
  const agent = new FakeAgent({ url: `ws://127.0.0.1:${port}/v1/opamp`, token });
  await agent.start();
  await asked();
  senders = fork(sendersFile, [String(port), token, attack]);
  await once(senders, 'message');
  const waits: number[] = [];
  for (const end = Date.now() + attackMs; Date.now() < end; ) {
    const start = performance.now();
    // A gateway short of memory may cut who is slow to answer its ping: the agent comes back, as real ones do.
    await agent.heartbeat().catch(() => agent.reconnect());
    waits.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  senders.kill('SIGKILL');
  const { longestDelayMs, metrics } = await asked();
  await agent.stop();
  console.log(attack, {
    peakMiB: Math.round(peakMiB()),
    longestDelayMs: Math.round(longestDelayMs),
    longestWaitMs: Math.round(Math.max(...waits)),
    n: waits.length,
    metrics: Object.fromEntries(Object.entries(metrics).filter(([, v]) => v > 0)),
  });
  expect(gateway.exitCode).toBeNull();
  expect(peakMiB()).toBeLessThan(limitMiB);
  expect(longestDelayMs).toBeLessThan(longestWaitMs * slack);
  expect(waits.sort((a, b) => a - b).at(Math.floor(waits.length * 0.99))).toBeLessThan(longestWaitMs * slack);
});
