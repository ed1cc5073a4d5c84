import { silentLog } from '@muster/platform/log';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { neverSpoke, WebSocketWatch, type Watched } from './websocket-watch.ts';

const MiB = 2 ** 20;
let memory: number;
let watch: WebSocketWatch;
beforeEach(() => {
  vi.useFakeTimers();
  memory = 100 * MiB;
});
afterEach(() => {
  watch.end();
  vi.useRealTimers();
});

function watchMemory(sharesProcess: boolean): void {
  const options = { idleMs: 60_000, unfinishedBytes: 64 * MiB, sharesProcess, log: silentLog };
  watch = new WebSocketWatch({ ...options, metrics: createGatewayMetrics(), nativeMemory: () => memory });
}

/** A client that completes no message, and answers pings or not. */
function client(answers: boolean): Watched & { wasCut: boolean } {
  const link = {
    heardAt: 0,
    messageAt: neverSpoke,
    openedAt: 0,
    behind: 0,
    wasCut: false,
    ping() {
      if (answers) setTimeout(() => (link.heardAt = watch.tick), 1);
    },
    close() {},
    cut() {
      link.wasCut = true;
      watch.remove(link);
    },
  };
  watch.add(link);
  return link;
}

async function grow(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    memory += 32 * MiB;
    await vi.advanceTimersByTimeAsync(200);
  }
  await vi.advanceTimersByTimeAsync(10_000);
}

it('memory that other parts of the process take cuts no client that answers', async () => {
  watchMemory(true);
  const [answers, stalls] = [client(true), client(false)];
  await grow();
  expect([answers.wasCut, stalls.wasCut]).toEqual([false, true]);
});

it('memory of a gateway of its own is the connections’: who stalls is cut, in the end others too', async () => {
  watchMemory(false);
  const [answers, stalls] = [client(true), client(false)];
  await grow();
  expect([answers.wasCut, stalls.wasCut]).toEqual([true, true]);
});
