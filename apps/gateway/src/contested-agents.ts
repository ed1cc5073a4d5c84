import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Keeper } from '@muster/agents/owner';
import type { EventBus } from '@muster/messages/event-bus';
import type { AgentsContested } from '@muster/messages/vocabulary';
import type { Log } from '@muster/platform/log';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { newInstanceUid } from './instance-uids.ts';
import { UntoldFacts } from './untold-facts.ts';

const windowMs = 60_000;
/** Kinds of events told apart within a window; all others are counted together. */
const kindsAtMost = 100;

export interface Contest {
  uid: Uint8Array;
  outcome: AgentsContested['outcome'];
  /** Whose the agent is, or was. */
  keeper: Keeper;
  claimant: Keeper;
}

interface Counted {
  fact: Omit<AgentsContested, 'id' | 'count'>;
  /** Since the last time it was told. */
  untold: number;
  /** In this window. */
  times: number;
}

/**
 * Says for the audit log who wanted an agent that was another's. The first event of an agent, a claimant and an
 * address is told at once, the others as one with their number every minute: whoever tries for ever fills no log.
 */
export class ContestedAgents {
  readonly #gateway: string;
  readonly #metrics: GatewayMetrics;
  readonly #log: Log;
  readonly #facts: UntoldFacts<'agents.contested'>;
  readonly #counted = new Map<string, Counted>();
  #timer: NodeJS.Timeout | null = null;

  constructor(deps: { gateway: string; bus: EventBus; metrics: GatewayMetrics; log: Log }) {
    this.#gateway = deps.gateway;
    this.#metrics = deps.metrics;
    this.#log = deps.log;
    this.#facts = new UntoldFacts(deps.bus, 'agents.contested');
  }

  /**
   * Counts and, if it is the first of its kind for a while, tells it. Answers how many of its kind there were in this
   * window; Infinity: there are too many kinds. `isTold`: the first ones are told in another way.
   */
  note(
    { uid, outcome, keeper, claimant }: Contest,
    isTold: (times: number) => boolean = () => false,
  ): number {
    if (outcome === 'takenOver') this.#metrics.takeovers += 1;
    const key = `${outcome} ${Buffer.from(uid).toString('latin1')} ${claimant.owner} ${claimant.remoteAddress}`;
    const { counted, isOwnKind } = this.#find(key, outcome, () => ({
      gateway: this.#gateway,
      uid: agentIdFromBytes(uid),
      outcome,
      owner: keeper.owner,
      claimant: claimant.owner,
      ownerAddress: keeper.remoteAddress,
      remoteAddress: claimant.remoteAddress,
    }));
    counted.times += 1;
    const times = isOwnKind ? counted.times : Infinity;
    if (isTold(times)) return times;
    counted.untold += 1;
    if (times === 1) this.#tell(counted);
    return times;
  }

  async close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#tellAll();
    await this.#facts.close();
  }

  #find(key: string, outcome: Contest['outcome'], fact: () => Counted['fact']) {
    this.#timer ??= setTimeout(() => this.#nextWindow(), windowMs).unref();
    const known = this.#counted.get(key);
    if (known) return { counted: known, isOwnKind: true };
    const isOwnKind = this.#counted.size < kindsAtMost;
    const place = isOwnKind ? key : outcome;
    const counted = this.#counted.get(place) ?? {
      fact: isOwnKind ? fact() : this.#anyOf(outcome),
      untold: 0,
      times: 0,
    };
    this.#counted.set(place, counted);
    return { counted, isOwnKind };
  }

  #anyOf(outcome: Contest['outcome']): Counted['fact'] {
    const nobody = { owner: '', claimant: '', ownerAddress: '', remoteAddress: '' };
    return { gateway: this.#gateway, uid: null, outcome, ...nobody };
  }

  /** Those that go on are told once a window; the others are forgotten. */
  #nextWindow(): void {
    this.#timer = null;
    this.#tellAll();
    for (const [key, counted] of this.#counted) {
      if (counted.times <= 1) this.#counted.delete(key);
      else counted.times = 1;
    }
    if (this.#counted.size > 0) this.#timer = setTimeout(() => this.#nextWindow(), windowMs).unref();
  }

  #tellAll(): void {
    for (const counted of this.#counted.values()) if (counted.untold > 0) this.#tell(counted);
  }

  #tell(counted: Counted): void {
    const id = agentIdFromBytes(newInstanceUid(Date.now()));
    const fact = { id, ...counted.fact, count: counted.untold };
    counted.untold = 0;
    this.#log.warn(fact, 'an agent was wanted by another client than its own');
    this.#facts.tell(fact);
  }
}
