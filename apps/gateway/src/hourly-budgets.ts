const hourMs = 3_600_000;
const sweepEveryMs = 30_000;
/** The one that was used longest ago gives way to another. */
const keptAtMost = 20_000;
/** Things one sender had lately: going back to them is free. */
const recentKept = 4;

/** What one sender may still use. */
interface Budget {
  number: number;
  bytes: number;
  /** When that was so, milliseconds. */
  at: number;
  recent: string[];
}

/** What a sender lacks, and after how many seconds it has it. */
export interface Short {
  of: 'number' | 'bytes';
  seconds: number;
}

/**
 * A number of things, and of bytes, for each sender and hour, all of which may come at once. A sender that has
 * not used any for as long as it takes to earn them back costs no memory.
 */
export class HourlyBudgets {
  readonly #perHour: number;
  readonly #bytesPerHour: number;
  readonly #now: () => number;
  /** In the order of their last use. */
  readonly #budgets = new Map<string, Budget>();
  #sweeping: NodeJS.Timeout | null = null;

  constructor(perHour: number, bytesPerHour: number, now: () => number = Date.now) {
    this.#perHour = perHour;
    this.#bytesPerHour = bytesPerHour;
    this.#now = now;
  }

  /** Senders that used some of their budget of late. */
  get size(): number {
    return this.#budgets.size;
  }

  /** Takes one thing of so many bytes from the sender's budget; null: it had it. `what` was had lately: it is free. */
  take(sender: string, bytes: number, what: string | null = null): Short | null {
    const now = this.#now();
    const known = this.#budgets.get(sender);
    if (known !== undefined && what !== null && known.recent.includes(what)) return null;
    const budget = known ?? { number: this.#perHour, bytes: this.#bytesPerHour, at: now, recent: [] };
    this.#earn(budget, now);
    const short = this.#lacks(budget);
    if (short !== null) return short;
    budget.number -= 1;
    // The last one may be larger than what is left: a budget in debt has nothing until that is earned.
    budget.bytes -= bytes;
    if (what !== null) budget.recent = [what, ...budget.recent].slice(0, recentKept);
    this.#budgets.delete(sender);
    this.#budgets.set(sender, budget);
    if (this.#budgets.size > keptAtMost) this.#budgets.delete(this.#budgets.keys().next().value!);
    this.#sweeping ??= setInterval(() => this.#sweep(), sweepEveryMs).unref();
    return null;
  }

  stop(): void {
    if (this.#sweeping !== null) clearInterval(this.#sweeping);
    this.#sweeping = null;
  }

  #earn(budget: Budget, now: number): void {
    const share = Math.max(0, now - budget.at) / hourMs;
    budget.number = Math.min(this.#perHour, budget.number + share * this.#perHour);
    budget.bytes = Math.min(this.#bytesPerHour, budget.bytes + share * this.#bytesPerHour);
    budget.at = now;
  }

  #lacks({ number, bytes }: Budget): Short | null {
    if (number < 1) return { of: 'number', seconds: secondsToEarn(1 - number, this.#perHour) };
    if (bytes <= 0) return { of: 'bytes', seconds: secondsToEarn(1 - bytes, this.#bytesPerHour) };
    return null;
  }

  #sweep(): void {
    const now = this.#now();
    for (const [sender, budget] of this.#budgets) {
      this.#earn(budget, now);
      if (budget.number >= this.#perHour && budget.bytes >= this.#bytesPerHour) this.#budgets.delete(sender);
    }
    if (this.#budgets.size === 0) this.stop();
  }
}

function secondsToEarn(amount: number, perHour: number): number {
  return Math.ceil((amount / perHour) * (hourMs / 1_000));
}
