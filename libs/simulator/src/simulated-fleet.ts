import type { SimulatorStats } from './tally.ts';

/** What an agent last said, to be compared with what the server shows. */
export interface SimulatedAgent {
  uid: string;
  /** Was it answered on the connection it has now? */
  online: boolean;
  /** Has it sent all it has to say? */
  allSaid: boolean;
  /** Of its last message. */
  sequenceNum: number;
  healthy: boolean;
  lastError: string;
  /** Identifying ones and the others. */
  attributes: Record<string, string>;
  /** Hex; null: it was never offered one. */
  remoteConfigHash: string | null;
  remoteConfigStatus: string;
  /** File name → text. */
  effectiveConfig: Record<string, string>;
}

/** A fleet of simulated agents, in this process or in several. */
export interface SimulatedFleet {
  /** Begins to connect. Rejects when the options cannot be used. */
  begin(): Promise<void>;
  /** Connects all agents; resolves when each has been answered. */
  start(): Promise<void>;
  /** Resolves when so many agents are answered on the connection they have; rejects after the time. */
  untilOnline(count: number, timeoutMs?: number): Promise<void>;
  /** Breaks all connections without a word. They come back after this time, at once when left out; `null`: never. */
  cutAll(returnAfterMs?: number | null): Promise<void>;
  /** Agents report other health than before: this share of them, drawn, or all. Answers how many. */
  changeState(share?: number): Promise<number>;
  /** Heartbeats at another interval from now on; 0: none. */
  heartbeatEvery(seconds: number): Promise<void>;
  /** `offerMs` of the stats counts from now. */
  markOffers(): Promise<void>;
  /** The stats' latencies begin anew. */
  clearLatencies(): Promise<void>;
  stats(): Promise<SimulatorStats>;
  /** By the agent's place in the fleet. */
  stateOf(agent: number): Promise<SimulatedAgent>;
  states(): Promise<SimulatedAgent[]>;
  /** Ends for good; with `goodbye` (the default) each agent sends agent_disconnect. */
  stop(goodbye?: boolean): Promise<void>;
}
