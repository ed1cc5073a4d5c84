/** Milliseconds between looks at whose turn it is: no more often than turns come. */
const tickMs = { least: 5, most: 50 };

/** Gives every agent its turn once an interval, spread evenly over it. */
export class Heartbeats {
  readonly #timer: NodeJS.Timeout;

  /** `beat` is called for 0 … `count` − 1 in turn, again and again. Turns that come late are caught up with. */
  constructor(count: number, intervalMs: number, beat: (agent: number) => void) {
    const began = performance.now();
    let taken = 0;
    this.#timer = setInterval(
      () => {
        const due = Math.floor(((performance.now() - began) / intervalMs) * count);
        if (due - taken > count) taken = due - count;
        for (; taken < due; taken++) beat(taken % count);
      },
      Math.min(tickMs.most, Math.max(tickMs.least, intervalMs / count)),
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
