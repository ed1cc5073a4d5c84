import type { EventBus, ReportBacklog } from '@muster/messages/event-bus';

/** How old the oldest report may become while none is taken, before this counts as not ready. */
export const reportsStaleAfterMs = 60_000;

/** Watches whether reports are taken. */
export class ReportProgress {
  /** As metrics show them. */
  readonly numbers = { oldestReportSeconds: 0 };
  /** How many dead letters there are. */
  readonly deadLetters = { kept: 0 };
  readonly #bus: EventBus;
  readonly #staleAfterMs: number;
  #backlog: ReportBacklog | null = null;
  #progressAt: number;

  /** `now`: Unix milliseconds, as all times here. */
  constructor(bus: EventBus, staleAfterMs: number, now: number) {
    this.#bus = bus;
    this.#staleAfterMs = staleAfterMs;
    this.#progressAt = now;
  }

  /** Asks the bus how things are. While it is away nothing is known, and its own check says so. */
  async look(now: () => number): Promise<void> {
    if (!this.#bus.available) return;
    const backlog = await this.#bus.reportBacklog();
    const isMoving =
      backlog.oldestAt === null || this.#backlog === null || backlog.taken > this.#backlog.taken;
    if (isMoving) this.#progressAt = now();
    this.#backlog = backlog;
    this.numbers.oldestReportSeconds = Math.round(this.#ageMs(now()) / 1_000);
    this.deadLetters.kept = await this.#bus.deadLetters.count();
  }

  /** Null: reports are taken, or there are none. Otherwise one line that says for how long none was. */
  problem(now: number): string | null {
    const ageMs = this.#ageMs(now);
    const stillMs = now - this.#progressAt;
    if (ageMs <= this.#staleAfterMs || stillMs <= this.#staleAfterMs) return null;
    const [age, still] = [ageMs, stillMs].map((ms) => Math.round(ms / 1_000));
    return `the oldest report that has not been taken is ${age} s old, and none was taken for ${still} s`;
  }

  #ageMs(now: number): number {
    const oldestAt = this.#backlog?.oldestAt ?? null;
    return oldestAt === null ? 0 : Math.max(now - oldestAt, 0);
  }
}
