import { agentKinds, type AgentKindName } from './agent-kinds.ts';

/** How a fleet of simulated agents behaves. Shares are between 0 and 1. */
export interface SimulatorOptions {
  /** `ws://`, `wss://`, `http://` or `https://` addresses. Agents begin at them in turn and go to the next after a failure. */
  urls: string[];
  /** Bearer token. */
  token?: string;
  agents: number;
  /** The number of the first agent: processes that share a fleet count on from one another. */
  firstAgent: number;
  /** The same seed makes the same fleet: uids, kinds, who fails. */
  seed: number;
  /** What the fleet is mixed from. */
  kinds: readonly AgentKindName[];
  /** 0: never. */
  heartbeatSeconds: number;
  /** Size of the effective configuration that an agent starts with. */
  effectiveBytes: number;
  /** More than one: agents share connections, as behind a gateway. WebSocket only. */
  agentsPerConnection: number;
  /** Reports available components and health of parts, as collectors do. */
  details: boolean;
  /** Attributes that every agent reports beside its own. */
  attributes: Record<string, string>;
  /** From an offer to its APPLIED. */
  applyMs: number;
  /** Says APPLYING at once, before APPLIED. */
  reportsApplying: boolean;
  /** Agents that answer offers with FAILED. */
  failShare: number;
  /** Agents that are unhealthy from the start. */
  unhealthyShare: number;
  /** Agents that break off without a word within a minute and stay away. */
  vanishShare: number;
  /** Agents that, each minute, drop and come back, or report other health. */
  churnPerMinute: number;
  /** Connections being opened at any time, first and later ones. */
  dialsInFlight: number;
  tls: TlsOptions;
}

export interface TlsOptions {
  /** PEM of the authority that signed the server's certificate. */
  ca?: string;
  cert?: string;
  key?: string;
}

export const simulatorDefaults = {
  agents: 100,
  firstAgent: 0,
  seed: 1,
  kinds: Object.keys(agentKinds) as AgentKindName[],
  heartbeatSeconds: 30,
  effectiveBytes: 2_048,
  agentsPerConnection: 1,
  details: false,
  attributes: {},
  applyMs: 0,
  reportsApplying: true,
  failShare: 0,
  unhealthyShare: 0,
  vanishShare: 0,
  churnPerMinute: 0,
  dialsInFlight: 256,
  tls: {},
} satisfies Partial<SimulatorOptions>;

/** What must be given, and what may. */
export type GivenOptions = Partial<SimulatorOptions> & Pick<SimulatorOptions, 'urls'>;
