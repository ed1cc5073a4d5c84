import type { EventBus } from '@muster/messages/event-bus';
import type { Facts } from '@muster/messages/vocabulary';

/** While the bus takes nothing, so many wait. */
const untoldAtMost = 10_000;
const tryAgainAfterMs = 1_000;

/** Puts facts of one subject on the bus one after the other, and keeps those it does not take yet. */
export class UntoldFacts<S extends keyof Facts> {
  readonly #bus: EventBus;
  readonly #subject: S;
  readonly #untold: Facts[S][] = [];
  #telling: Promise<void> | null = null;
  #closed = false;

  constructor(bus: EventBus, subject: S) {
    this.#bus = bus;
    this.#subject = subject;
  }

  tell(fact: Facts[S]): void {
    if (this.#untold.length < untoldAtMost) this.#untold.push(fact);
    this.#telling ??= this.#publish().finally(() => {
      this.#telling = null;
    });
  }

  /** Tries once more to say what was not heard. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#telling;
    await this.#publishNext();
  }

  async #publish(): Promise<void> {
    while (!this.#closed && (await this.#publishNext()) !== 'nothing');
  }

  async #publishNext(): Promise<'told' | 'nothing'> {
    const fact = this.#untold[0];
    if (!fact) return 'nothing';
    try {
      await this.#bus.publish(this.#subject, fact);
      this.#untold.shift();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, this.#closed ? 0 : tryAgainAfterMs).unref());
    }
    return 'told';
  }
}
