/**
 * Runs a round of work soon after it is asked for: at most once an interval, one at a time. What is
 * asked while a round runs or rests is done by one later round.
 */
export class Pulse {
  readonly #round: () => Promise<void>;
  readonly #delayMs: number;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #asked = false;
  #startedAt = -Infinity;
  #stopped = false;

  /** @param round must not reject */
  constructor(round: () => Promise<void>, { delayMs, intervalMs }: { delayMs: number; intervalMs: number }) {
    this.#round = round;
    this.#delayMs = delayMs;
    this.#intervalMs = intervalMs;
  }

  ask(): void {
    if (this.#asked || this.#stopped) return;
    this.#asked = true;
    if (!this.#running) this.#schedule();
  }

  #schedule(): void {
    const rest = this.#startedAt + this.#intervalMs - performance.now();
    this.#timer = setTimeout(() => this.#run(), Math.max(this.#delayMs, rest));
  }

  #run(): void {
    this.#asked = false;
    this.#startedAt = performance.now();
    this.#running = this.#round().finally(() => {
      this.#running = null;
      if (this.#asked && !this.#stopped) this.#schedule();
    });
  }

  /** Resolves when no round runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }
}
