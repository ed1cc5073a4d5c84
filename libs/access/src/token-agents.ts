/** A count is as good as new for so long; what comes meanwhile is added. */
const countedForMs = 30_000;
/** Below so many every agent is asked about; above, from nine tenths of the limit on. */
const exactUpTo = 10_000;
const nearShare = 0.9;

/** Keeps count of the agents that tokens without a limit of their own let in: there is a default limit for them. */
export class TokenAgents {
  readonly #most: number;
  readonly #count: (tokenId: string) => Promise<number>;
  readonly #now: () => number;
  readonly #counted = new Map<string, { agents: number; until: number }>();

  /** `most`: agents of one token. `count` tells how many there are. */
  constructor(most: number, count: (tokenId: string) => Promise<number>, now: () => number = Date.now) {
    this.#most = most;
    this.#count = count;
    this.#now = now;
  }

  /** Must gateways ask about each agent that is new to this token? */
  async isNear(tokenId: string): Promise<boolean> {
    return this.#most <= exactUpTo || (await this.#agents(tokenId)) >= this.#most * nearShare;
  }

  async isFull(tokenId: string): Promise<boolean> {
    return (await this.#agents(tokenId)) >= this.#most;
  }

  /** One more was let in. */
  add(tokenId: string): void {
    const counted = this.#counted.get(tokenId);
    if (counted) counted.agents += 1;
  }

  async #agents(tokenId: string): Promise<number> {
    const counted = this.#counted.get(tokenId);
    if (counted && counted.until > this.#now()) return counted.agents;
    const agents = await this.#count(tokenId);
    this.#counted.set(tokenId, { agents, until: this.#now() + countedForMs });
    return agents;
  }
}
