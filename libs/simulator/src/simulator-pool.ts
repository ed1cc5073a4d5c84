import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { simulatorDefaults, type GivenOptions } from './options.ts';
import type { SimulatedAgent, SimulatedFleet } from './simulated-fleet.ts';
import type { PoolAnswer, SimulatorCall } from './simulator-process.ts';
import { statsOf, type RawTally, type SimulatorStats } from './tally.ts';

/** A process may open 20,000 files, commonly; some are kept for everything else. */
export const connectionsPerProcess = 15_000;
const pollMs = 50;
const exitWithinMs = 5_000;

/** A program that calls `serveSimulator`. */
export interface ChildProgram {
  path: string;
  args: string[];
}

const ownProgram: ChildProgram = {
  path: fileURLToPath(new URL('./simulator-child.ts', import.meta.url)),
  args: [],
};

/** A process of the pool ended by itself. */
export class SimulatorProcessLost extends Error {
  readonly code = 'simulator-process-lost';
}

/** One simulated fleet in several processes. */
export class SimulatorPool implements SimulatedFleet {
  readonly #children: Child[];
  readonly #share: number;

  /** `processes`: at least so many; more where the connections do not fit. */
  constructor(given: GivenOptions, processes = 1, program: ChildProgram = ownProgram) {
    const { agents, agentsPerConnection, firstAgent } = { ...simulatorDefaults, ...given };
    const connections = Math.ceil(agents / agentsPerConnection);
    const count = Math.max(processes, Math.ceil(connections / connectionsPerProcess));
    this.#share = Math.ceil(connections / count) * agentsPerConnection;
    this.#children = [];
    for (let first = 0; first < agents; first += this.#share) {
      const options = {
        ...given,
        firstAgent: firstAgent + first,
        agents: Math.min(this.#share, agents - first),
        dialsInFlight: Math.ceil((given.dialsInFlight ?? simulatorDefaults.dialsInFlight) / count),
      };
      this.#children.push(new Child(program, options));
    }
  }

  /** Ids of its processes. */
  get pids(): number[] {
    return this.#children.map(({ pid }) => pid);
  }

  async begin(): Promise<void> {
    await this.#all('begin');
  }

  async start(): Promise<void> {
    await this.begin();
    await this.untilOnline(this.#children.reduce((sum, { agents }) => sum + agents, 0));
  }

  async untilOnline(count: number, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const { online } = await this.stats();
      if (online >= count) return;
      if (performance.now() > deadline)
        throw new Error(`after ${timeoutMs} ms only ${online} of ${count} agents are online`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async cutAll(returnAfterMs: number | null = 0): Promise<void> {
    await this.#all('cutAll', returnAfterMs);
  }

  async changeState(share = 1): Promise<number> {
    const changed = await this.#all<number>('changeState', share);
    return changed.reduce((sum, each) => sum + each, 0);
  }

  async heartbeatEvery(seconds: number): Promise<void> {
    await this.#all('heartbeatEvery', seconds);
  }

  async markOffers(): Promise<void> {
    await this.#all('markOffers');
  }

  async clearLatencies(): Promise<void> {
    await this.#all('clearLatencies');
  }

  async stats(): Promise<SimulatorStats> {
    return statsOf(await this.#all<RawTally>('raw'));
  }

  async stateOf(agent: number): Promise<SimulatedAgent> {
    const child = this.#children[Math.floor(agent / this.#share)]!;
    return (await child.call('stateOf', agent % this.#share)) as SimulatedAgent;
  }

  async states(): Promise<SimulatedAgent[]> {
    return (await this.#all<SimulatedAgent[]>('states')).flat();
  }

  async stop(goodbye = true): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop(goodbye)));
  }

  #all<Value>(call: SimulatorCall, ...args: unknown[]): Promise<Value[]> {
    return Promise.all(this.#children.map((child) => child.call(call, ...args) as Promise<Value>));
  }
}

class Child {
  readonly agents: number;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #nextId = 0;

  constructor({ path, args }: ChildProgram, options: GivenOptions & { agents: number }) {
    this.agents = options.agents;
    this.#process = fork(path, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', ({ id, value, error }: PoolAnswer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    this.#process.once('exit', (code, signal) => {
      const lost = new SimulatorProcessLost(`a simulator process ended with ${code ?? signal}`);
      for (const { reject } of this.#waiting.values()) reject(lost);
      this.#waiting.clear();
    });
    this.#process.send({ id: this.#nextId++, options });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  call(call: SimulatorCall, ...args: unknown[]): Promise<unknown> {
    if (!this.#process.connected)
      return Promise.reject(new SimulatorProcessLost('a simulator process has ended'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, call, args });
    });
  }

  async stop(goodbye: boolean): Promise<void> {
    if (!this.#process.connected) return;
    const gone = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    await this.call('stop', goodbye).catch(() => {});
    const late = setTimeout(() => this.#process.kill('SIGKILL'), exitWithinMs);
    if (this.#process.connected) this.#process.disconnect();
    await gone;
    clearTimeout(late);
  }
}
