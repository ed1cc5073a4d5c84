/** Lets so many connections be opened at a time; the others wait in the order they came. */
export class DialGate {
  readonly #limit: number;
  #open = 0;
  #waiting: (() => void)[] = [];
  #next = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Calls `dial` when there is room, at once if there is. Each call is followed by one `leave`. */
  enter(dial: () => void): void {
    if (this.#open >= this.#limit) {
      this.#waiting.push(dial);
      return;
    }
    this.#open += 1;
    dial();
  }

  leave(): void {
    const dial = this.#waiting[this.#next];
    if (dial === undefined) {
      this.#open -= 1;
      return;
    }
    this.#next += 1;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    dial();
  }
}
