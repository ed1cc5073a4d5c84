import type { AgentId } from './agent-id.ts';

/**
 * Which gateway holds which agent, and what the next gateway needs to go on without a full state.
 * Adapters: `presence.redis.ts` and `presence.memory.ts`. A clock may be wiped with it: everything here
 * is rebuilt from Postgres (`seed`) or from what agents report.
 */
export interface Presence {
  /**
   * Makes `gateway` the holder of these agents. Atomic per agent; one round trip for all. The answer is
   * in the order of the question.
   */
  claim(gateway: string, claims: readonly Claim[]): Promise<Session[]>;

  /**
   * Notes where each agent's session stands, so that any gateway can take it up. Ignored for an agent
   * whose epoch has moved on.
   */
  checkpoint(gateway: string, marks: readonly Mark[]): Promise<void>;

  /**
   * Lets go of agents that are gone. Answers those that were still held under the given epoch: they are
   * offline now, and only the caller says so on the bus. The others have reconnected meanwhile.
   */
  release(gateway: string, marks: readonly Mark[]): Promise<AgentId[]>;

  /** Forgets agents altogether (deleted by an operator). */
  forget(agents: readonly AgentId[]): Promise<void>;

  /** The gateway that holds each agent; agents that are offline are missing. */
  locate(agents: readonly AgentId[]): Promise<Map<AgentId, string>>;

  /** When each agent was last heard, Unix milliseconds; unknown agents are missing. */
  lastSeen(agents: readonly AgentId[]): Promise<Map<AgentId, number>>;

  /** Says that the gateway lives, for `ttlMs` from now. */
  renewLease(gateway: string, ttlMs: number): Promise<void>;

  /** The gateway ends and holds nobody any more. */
  endLease(gateway: string): Promise<void>;

  /** Gateways that hold agents and whose lease has run out. */
  expiredGateways(): Promise<string[]>;

  /** The agents a gateway holds, with the epoch under which it holds them. */
  heldBy(gateway: string): Promise<{ agent: AgentId; epoch: number }[]>;

  /** False when the store is new or was wiped: `seed` it. */
  isSeeded(): Promise<boolean>;

  /** Puts back what Postgres knows; never overwrites a newer epoch. Marks the store as seeded. */
  seed(records: readonly SeedRecord[]): Promise<void>;

  close(): Promise<void>;
}

export interface Claim {
  agent: AgentId;
  /** Unix milliseconds. */
  now: number;
}

/** What a gateway gets when it takes an agent over. */
export interface Session {
  /** max(previous epoch + 1, now): larger than any epoch the agent had. */
  epoch: number;
  /** Null: nobody knows this agent. */
  previous: {
    sequenceNum: number;
    /** Fingerprints of the sub-messages last reported, or null when not known. */
    fingerprints: Uint8Array | null;
    /** Was held by a gateway (this one or another) until now: coming back is no change of state. */
    online: boolean;
    gateway: string | null;
    capabilities: number;
  } | null;
}

export interface Mark {
  agent: AgentId;
  epoch: number;
  /** Null: whoever lets go does not know it; what is there stays. */
  sequenceNum: number | null;
  /** Unix milliseconds. */
  lastSeen: number;
  /** Last capabilities said; 0: never. */
  capabilities: number;
  /** Opaque to the store, at most 128 bytes; null leaves what is there. */
  fingerprints: Uint8Array | null;
}

export interface SeedRecord {
  agent: AgentId;
  epoch: number;
  sequenceNum: number;
  lastSeen: number;
  capabilities: number;
}
