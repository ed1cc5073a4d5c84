import { addLatencies, Latency, quantiles, type LatencyCounts, type Quantiles } from './latency.ts';

const counters = [
  'connected',
  'online',
  'answered',
  'offers',
  'applied',
  'failed',
  'throttled',
  'fullStateAsked',
  'renamed',
  'restarted',
  'dropped',
  'heartbeats',
  'heartbeatsAnswered',
  'sent',
  'received',
] as const;
type Counter = (typeof counters)[number];

const latencies = ['heartbeatMs', 'connectMs', 'firstAnswerMs', 'offerMs'] as const;
type TimedStep = (typeof latencies)[number];

/** What many processes add up. */
export interface RawTally extends Record<Counter, number> {
  latencies: Record<TimedStep, LatencyCounts>;
  /** Why connections failed or answers were errors, and how often. */
  errors: Record<string, number>;
  /** Retry-After in seconds, and how often it was asked for. */
  retryAfter: Record<string, number>;
  /** CPU of the simulator itself. */
  cpuSeconds: number;
}

/**
 * Numbers of a simulated fleet. `connected`: connections open now. `online`: agents answered on the connection
 * they have now. `answered`: first messages of connections that were answered, so far. `dropped`: connections
 * that the server or the network ended. `offerMs`: from `markOffers` to each offer after it.
 */
export interface SimulatorStats extends Record<Counter, number>, Record<TimedStep, Quantiles> {
  errors: Record<string, number>;
  retryAfter: Record<string, number>;
  cpuSeconds: number;
}

/** Counts what happens to a fleet. */
export class Tally {
  connected = 0;
  online = 0;
  answered = 0;
  offers = 0;
  applied = 0;
  failed = 0;
  throttled = 0;
  fullStateAsked = 0;
  renamed = 0;
  restarted = 0;
  dropped = 0;
  heartbeats = 0;
  heartbeatsAnswered = 0;
  sent = 0;
  received = 0;
  readonly heartbeatMs = new Latency();
  readonly connectMs = new Latency();
  readonly firstAnswerMs = new Latency();
  readonly offerMs = new Latency();
  readonly #errors = new Map<string, number>();
  readonly #retryAfter = new Map<string, number>();

  error(reason: string): void {
    this.#errors.set(reason, (this.#errors.get(reason) ?? 0) + 1);
  }

  askedToRetryAfter(seconds: number): void {
    this.throttled += 1;
    this.#retryAfter.set(String(seconds), (this.#retryAfter.get(String(seconds)) ?? 0) + 1);
  }

  /** Starts the latencies anew: what follows is a step of its own. */
  clearLatencies(): void {
    for (const step of latencies) this[step].clear();
  }

  raw(): RawTally {
    const { user, system } = process.cpuUsage();
    const numbers = Object.fromEntries(counters.map((name) => [name, this[name]])) as Record<Counter, number>;
    const times = Object.fromEntries(latencies.map((step) => [step, this[step].counts()]));
    return {
      ...numbers,
      latencies: times as RawTally['latencies'],
      errors: Object.fromEntries(this.#errors),
      retryAfter: Object.fromEntries(this.#retryAfter),
      cpuSeconds: (user + system) / 1e6,
    };
  }
}

/** Adds up processes of one fleet. */
export function statsOf(parts: readonly RawTally[]): SimulatorStats {
  const sum = (name: Counter | 'cpuSeconds') => parts.reduce((total, part) => total + part[name], 0);
  const numbers = Object.fromEntries(counters.map((name) => [name, sum(name)])) as Record<Counter, number>;
  const times = Object.fromEntries(
    latencies.map((step) => [step, quantiles(addLatencies(parts.map((part) => part.latencies[step])))]),
  ) as Record<TimedStep, Quantiles>;
  return {
    ...numbers,
    ...times,
    errors: addCounts(parts.map(({ errors }) => errors)),
    retryAfter: addCounts(parts.map(({ retryAfter }) => retryAfter)),
    cpuSeconds: sum('cpuSeconds'),
  };
}

function addCounts(parts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const part of parts) {
    for (const [name, count] of Object.entries(part)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}
