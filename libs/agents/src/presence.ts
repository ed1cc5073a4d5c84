import { randomBytes } from 'node:crypto';
import type { AgentId } from './agent-id.ts';
import type { Claimant, Keeper, Owner } from './owner.ts';

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
  claim(gateway: string, claims: readonly Claim[]): Promise<Claimed[]>;

  /**
   * Notes where each agent's session stands, so that any gateway can take it up. When the agent has moved
   * on, what its former holder says still counts until a later holder has noted something. Answers the
   * agents that another gateway holds although they were heard here after it had claimed them.
   */
  checkpoint(gateway: string, marks: readonly Mark[]): Promise<AgentId[]>;

  /**
   * Lets go of agents that are gone. Answers those that were still held under the given epoch: they are
   * offline now, and only the caller says so on the bus. The others have reconnected meanwhile.
   */
  release(gateway: string, marks: readonly Mark[]): Promise<AgentId[]>;

  /**
   * Leaves agents that the gateway still holds to nobody: they stay online for `ttlMs`, under a name that
   * counts as a gateway whose lease then runs out.
   */
  leave(gateway: string, marks: readonly Mark[], ttlMs: number): Promise<void>;

  /**
   * The agent was told to call itself `successor` from now on. The first claim of that name takes over
   * what is known of the agent; from then on a claim of `former` answers `renamed`.
   */
  rename(former: AgentId, successor: AgentId): Promise<void>;

  /** The record knows the agent by its new name: claims of `successor` need not tell the former one any more. */
  confirmRename(successor: AgentId): Promise<void>;

  /** Forgets agents altogether (deleted by an operator). */
  forget(agents: readonly AgentId[]): Promise<void>;

  /** The gateway that holds each agent; agents that are offline are missing. */
  locate(agents: readonly AgentId[]): Promise<Map<AgentId, string>>;

  /** When each agent was last heard, Unix milliseconds; unknown agents are missing. */
  lastSeen(agents: readonly AgentId[]): Promise<Map<AgentId, number>>;

  /**
   * What the fleet knows of the list of components that agents name by `hash` (hex). `ask`: the caller is
   * the one to ask an agent for it, nobody else for `forMs`.
   */
  findComponents(hash: string, forMs: number): Promise<{ content: string | null; ask: boolean }>;

  /** The list was reported; `content` (hex) is what it is stored under. Known for `componentsKnownMs`. */
  keepComponents(hash: string, content: string): Promise<void>;

  /**
   * Says that the gateway lives, for `ttlMs` from now. False: it had said nothing, or Presence was wiped
   * since: others may have taken it for dead. Whoever is given an agent counts as alive for a while without.
   */
  renewLease(gateway: string, ttlMs: number): Promise<boolean>;

  /** The gateway ends and holds nobody any more. */
  endLease(gateway: string): Promise<void>;

  /** Gateways that hold agents and whose lease has run out. */
  expiredGateways(): Promise<string[]>;

  /** Agents that a gateway turned away were told to come back within `ttlMs` from now. */
  expectReturns(ttlMs: number): Promise<void>;

  /** Milliseconds within which all are to be back who were turned away, by whichever gateway; 0: nobody is expected. */
  returnsWithin(): Promise<number>;

  /** The agents a gateway holds, with the epoch under which it holds them. */
  heldBy(gateway: string): Promise<HeldAgent[]>;

  /** False when the store is new or was wiped: `seed` it. */
  isSeeded(): Promise<boolean>;

  /**
   * Puts back what Postgres knows; never overwrites a newer epoch, nor the owner of an agent that has one. Marks the
   * store as seeded.
   */
  seed(records: readonly SeedRecord[], renames?: readonly RenameRecord[]): Promise<void>;

  /** Null when the store answers now, or why not. */
  check(): Promise<string | null>;

  close(): Promise<void>;
}

export interface Claim {
  agent: AgentId;
  /** Unix milliseconds. */
  now: number;
  /** Whose agent it is from now on, if it may be. Left out: it stays whose it was, and nothing is asked. */
  claimant?: Claimant;
  /** The claiming gateway has spoken with the agent before: it need not wait for what Postgres knows. */
  isKnown?: boolean;
  /**
   * When it is given, an agent that another gateway holds is claimed only if that gateway is this one; '': none is.
   * Left out: the agent is claimed whoever holds it.
   */
  from?: string;
}

/**
 * A holder for agents that `holder` leaves: short, so that records stay compact, and never the same again. The
 * name tells how often they have been left.
 */
export function nobodyAfter(holder: string): string {
  return `left-${timesLeft(holder) + 1}-${randomBytes(6).toString('hex')}`;
}

/** How often the agents of this holder have been left, one time after the other; 0: a gateway holds them. */
export function timesLeft(holder: string): number {
  return Number(/^left-(\d+)-/.exec(holder)?.[1] ?? 0);
}

/** How long a gateway counts as alive that was given an agent before it said that it lives. */
export const assumedLeaseMs = 15_000;

/** What became of a claim. */
export type Claimed = Session | Held | Renamed | Foreign | Unseeded;

/** The agent belongs to another, and may not be given to the claimant: nothing was changed. */
export interface Foreign {
  kind: 'foreign';
  keeper: Keeper;
}

/** Nobody knows the agent yet, but Postgres may: the store was wiped and not seeded since. */
export interface Unseeded {
  kind: 'unseeded';
}

/** Another gateway holds the agent: nothing was changed. */
export interface Held {
  kind: 'held';
  gateway: string;
}

/** The agent has another name since: nothing was changed. */
export interface Renamed {
  kind: 'renamed';
  successor: AgentId;
}

/** What a gateway gets when it takes an agent over. */
export interface Session {
  kind: 'claimed';
  /** The name the record still knows the agent by; null: this one. */
  former: AgentId | null;
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
    /** When the agent was last heard, Unix milliseconds. */
    lastSeen: number;
  } | null;
  /** Whose it was until now, if it was another's. */
  takenFrom?: Keeper;
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

/** An agent, and the epoch under which its gateway holds it. */
export interface HeldAgent {
  agent: AgentId;
  epoch: number;
}

/** A mark that says nothing new of the session; only its gateway knows. */
export function unchangedMark({ agent, epoch }: HeldAgent): Mark {
  return { agent, epoch, sequenceNum: null, lastSeen: 0, capabilities: 0, fingerprints: null };
}

/** An agent that was given another name; both are what Postgres knows. */
export interface RenameRecord {
  former: AgentId;
  successor: AgentId;
}

export interface SeedRecord {
  agent: AgentId;
  /** Null, or left out: not known. */
  owner?: Owner | null;
  /** From where it spoke last. */
  remoteAddress?: string;
  epoch: number;
  sequenceNum: number;
  lastSeen: number;
  capabilities: number;
}

/**
 * How long a list of components is known by its name after it was reported; then one agent of the fleet is
 * asked for it again. `UnusedContents` keeps the list itself for longer.
 */
export const componentsKnownMs = 24 * 60 * 60 * 1_000;
