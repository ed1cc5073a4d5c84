/** A connection that is still open this long after the question was not about to be closed. */
const dwellMs = 700;
/** A client that has not answered a ping by then is gone, whatever TCP believes. */
const silentAfterMs = 1_500;

/** The question whether the client behind an open WebSocket lives: a ping, and the socket still open a while later. */
export class ProofOfLife {
  /** True: it answered and stayed. False: it closed, or is silent. */
  readonly outcome: Promise<boolean>;
  #settle!: (alive: boolean) => void;
  #ponged = false;
  readonly #timers: NodeJS.Timeout[];

  /** `ping` sends the ping. */
  constructor(ping: () => void) {
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timers = [
      setTimeout(() => this.#ponged && this.#end(true), dwellMs),
      setTimeout(() => this.#end(this.#ponged), silentAfterMs),
    ];
    ping();
  }

  ponged(): void {
    this.#ponged = true;
  }

  closed(): void {
    this.#end(false);
  }

  #end(alive: boolean): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#settle(alive);
  }
}
