import { unchangedMark, type HeldAgent, type Presence } from '@muster/agents/presence';

/** Long enough to leave all of them. */
const leftForMs = 1_000;

/**
 * The agents that an earlier life of this gateway held when it died. Its lease is renewed under the same
 * name before anybody misses it, so nobody else would find out about those that never come back.
 */
export class FormerAgents {
  readonly #gateway: string;
  readonly #presence: Presence;
  readonly #held: HeldAgent[];

  private constructor(gateway: string, presence: Presence, held: HeldAgent[]) {
    this.#gateway = gateway;
    this.#presence = presence;
    this.#held = held;
  }

  /** Must be called before this gateway takes its first agent. */
  static async find(gateway: string, presence: Presence): Promise<FormerAgents> {
    return new FormerAgents(gateway, presence, await presence.heldBy(gateway));
  }

  /**
   * Leaves those that have not come back, here or elsewhere, to the upkeep: it does with them what it does
   * with the agents of a gateway that stayed dead.
   */
  async leave(): Promise<void> {
    if (this.#held.length === 0) return;
    const ttlMs = Math.max(leftForMs, await this.#presence.returnsWithin());
    await this.#presence.leave(this.#gateway, this.#held.map(unchangedMark), ttlMs);
  }
}
