import type { SimulatorStats } from '@muster/simulator/tally';
import { SimulatorPool } from '@muster/simulator/simulator-pool';
import { connectionsTo, usageOf, type Usage } from './process-tree.ts';
import type { Subject } from './subject.ts';

/** A run whose connections or answers are not what they must be; its numbers are thrown away. */
export class VoidRun extends Error {
  readonly code = 'void-run';
}

export interface SessionOptions {
  agents: number;
  reportBytes: number;
  agentsPerConnection: number;
  /** Seconds between the heartbeats of an agent, where a stage has any. */
  heartbeatSeconds: number;
  /** Seconds that a stage of a steady state is watched. */
  watchSeconds: number;
  /** Seconds from the last report until memory is read. */
  idleSeconds: number;
  tls?: { ca?: string; cert?: string; key?: string };
}

/** What one step cost the server. */
export interface Cost {
  seconds: number;
  cpuSeconds: number;
  /** Of the processes that hold the connections; null where they do more than that. */
  gatewayCpuSeconds: number | null;
}

/** One server with one fleet: what the stages of a run work on. */
export class Session {
  readonly subject: Subject;
  readonly options: SessionOptions;
  readonly fleet: SimulatorPool;
  /** Before the first agent came. */
  readonly atStart: { all: Usage; gateways: Usage };

  constructor(subject: Subject, options: SessionOptions) {
    this.subject = subject;
    this.options = options;
    this.fleet = new SimulatorPool({
      urls: subject.urls,
      ...(subject.token !== undefined && { token: subject.token }),
      agents: options.agents,
      agentsPerConnection: options.agentsPerConnection,
      kinds: ['contrib'],
      heartbeatSeconds: 0,
      effectiveBytes: options.reportBytes,
      reportsApplying: false,
      ...(options.tls && { tls: options.tls }),
    });
    this.atStart = this.usage();
  }

  usage(): { all: Usage; gateways: Usage } {
    return { all: usageOf(this.subject.roots), gateways: usageOf(this.subject.gateways) };
  }

  async cost(work: () => Promise<void>): Promise<Cost> {
    const before = this.usage();
    const began = performance.now();
    await work();
    const seconds = (performance.now() - began) / 1_000;
    const after = this.usage();
    return {
      seconds,
      cpuSeconds: after.all.cpuSeconds - before.all.cpuSeconds,
      gatewayCpuSeconds:
        this.subject.gateways.length === 0 ? null : after.gateways.cpuSeconds - before.gateways.cpuSeconds,
    };
  }

  /** Throws `VoidRun` unless every connection of the fleet ends at this server. */
  assertConnected(): void {
    const wanted = Math.ceil(this.options.agents / this.options.agentsPerConnection);
    const there = connectionsTo(this.subject.ports);
    if (there !== wanted) throw new VoidRun(`${this.subject.name} has ${there} connections, not ${wanted}`);
  }

  /** Throws `VoidRun` unless the heartbeats between two looks were answered and no connection broke. */
  assertAnswered(before: SimulatorStats, after: SimulatorStats): void {
    const sent = after.heartbeats - before.heartbeats;
    const answered = after.heartbeatsAnswered - before.heartbeatsAnswered;
    if (Math.abs(sent - answered) > Math.max(5, sent * 0.005))
      throw new VoidRun(`${this.subject.name} answered ${answered} of ${sent} heartbeats`);
    if (after.dropped > before.dropped)
      throw new VoidRun(`${this.subject.name} dropped ${after.dropped - before.dropped} connections`);
  }

  async stop(): Promise<void> {
    await this.fleet.stop(false);
  }
}

export function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
