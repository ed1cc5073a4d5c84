import { setTimeout as sleep } from 'node:timers/promises';
import type { Muster } from './muster.ts';
import type { Agent } from './rest-client.ts';

const everyMs = 50;
/** What people and dashboards ask for all day. */
const pages = [
  'overview',
  'agents?limit=50',
  'agents?limit=50&selector=os.type%3Dlinux',
  'agents?status=disconnected&limit=500',
];
const disconnectedPage = pages.at(-1)!;

export interface ApiFigures {
  requests: number;
  failures: string[];
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Agents that were ever shown disconnected. */
  shownDisconnected: number;
  /** The longest that one of them was, milliseconds. */
  longestDisconnectedMs: number;
}

/** Asks the API all the time: how fast it answers, and whom it shows as disconnected for how long. */
export class ApiWatch {
  readonly #muster: Muster;
  readonly #latencies: number[] = [];
  readonly #failures: string[] = [];
  /** Since when each agent is shown disconnected. */
  readonly #since = new Map<string, number>();
  readonly #everDisconnected = new Set<string>();
  #longestMs = 0;
  #stopped = false;
  #ended: Promise<void>;

  private constructor(muster: Muster) {
    this.#muster = muster;
    this.#ended = this.#run();
  }

  /** Watches from now. Agents that are disconnected already count as from now. */
  static start(muster: Muster): ApiWatch {
    return new ApiWatch(muster);
  }

  async stop(): Promise<ApiFigures> {
    this.#stopped = true;
    await this.#ended;
    const sorted = this.#latencies.sort((a, b) => a - b);
    const quantile = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return {
      requests: sorted.length,
      failures: this.#failures,
      p50Ms: Math.round(quantile(0.5)),
      p99Ms: Math.round(quantile(0.99)),
      maxMs: Math.round(quantile(1)),
      shownDisconnected: this.#everDisconnected.size,
      longestDisconnectedMs: Math.round(this.#longestMs),
    };
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const page = pages[turn % pages.length]!;
      const started = performance.now();
      try {
        const answer = await this.#muster.rest.get<{ items?: Agent[] }>(page);
        this.#latencies.push(performance.now() - started);
        if (page === disconnectedPage) this.#note(answer.items ?? []);
      } catch (error) {
        this.#failures.push(String(error));
      }
      await sleep(Math.max(0, everyMs - (performance.now() - started)));
    }
  }

  #note(disconnected: Agent[]): void {
    const now = performance.now();
    const uids = new Set(disconnected.map(({ uid }) => uid));
    for (const uid of uids) {
      this.#everDisconnected.add(uid);
      if (!this.#since.has(uid)) this.#since.set(uid, now);
    }
    for (const [uid, since] of this.#since) {
      this.#longestMs = Math.max(this.#longestMs, now - since);
      if (!uids.has(uid)) this.#since.delete(uid);
    }
  }
}
