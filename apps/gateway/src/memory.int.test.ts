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
/** No answer may wait longer for the gateway. */
const longestWaitMs = 250;
/** What others on the machine take of it comes on top of what is measured outside of the gateway. */
const slack = 4;
const attackMs = 5_000;

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

afterEach(async () => {
  senders?.kill('SIGKILL');
  // What it sent last is still on its way.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
});

afterAll(() => void gateway.kill('SIGKILL'));

async function longestWork(): Promise<number[]> {
  const answer = once(gateway, 'message');
  gateway.send('?');
  return (await answer)[0];
}

function peakMiB(): number {
  const status = readFileSync(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

it.each(attacks)(
  '%s: memory stays below the limit, and others are answered',
  { timeout: 60_000 },
  async (attack) => {
    const agent = new FakeAgent({ url: `ws://127.0.0.1:${port}/v1/opamp`, token });
    await agent.start();
    await longestWork();
    senders = fork(sendersFile, [String(port), token, attack]);
    await once(senders, 'message');
    const waits: number[] = [];
    for (const end = Date.now() + attackMs; Date.now() < end;) {
      const start = performance.now();
      // A gateway short of memory may cut who is slow to answer its ping: the agent comes back, as real ones do.
      await agent.heartbeat().catch(() => agent.reconnect().catch(() => {}));
      waits.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    senders.kill('SIGKILL');
    const [longest, , third] = await longestWork();
    await agent.cut();
    expect(gateway.exitCode).toBeNull();
    expect(peakMiB()).toBeLessThan(limitMiB);
    // Its threads that collect garbage or unpack are in it, too: that much once or twice.
    expect(third).toBeLessThan(longestWaitMs);
    expect(longest).toBeLessThan(longestWaitMs * slack);
    expect(waits.sort((a, b) => a - b).at(Math.floor(waits.length / 2))).toBeLessThan(longestWaitMs * slack);
  },
);
