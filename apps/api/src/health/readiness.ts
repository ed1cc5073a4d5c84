import type { EventBus } from '@muster/messages/event-bus';

/** Looks whether the API can do its work. */
export class Readiness {
  readonly #pingDatabase: () => Promise<unknown>;
  readonly #bus: Pick<EventBus, 'available'>;
  readonly #reportsTaken: () => Promise<string | null>;
  readonly #timeoutMs: number;

  /**
   * @param pingDatabase resolves when the database answers
   * @param reportsTaken says what is wrong with taking reports, where this process does that too
   */
  constructor(
    pingDatabase: () => Promise<unknown>,
    bus: Pick<EventBus, 'available'>,
    {
      timeoutMs = 2_000,
      reportsTaken = async () => null,
    }: { timeoutMs?: number; reportsTaken?: (() => Promise<string | null>) | undefined } = {},
  ) {
    this.#reportsTaken = reportsTaken;
    this.#pingDatabase = pingDatabase;
    this.#bus = bus;
    this.#timeoutMs = timeoutMs;
  }

  /** The parts that do not answer, and what else is wrong; none: ready. */
  async missing(): Promise<string[]> {
    const [database, reports] = await Promise.all([this.#databaseAnswers(), this.#reportsTaken()]);
    return [
      ...(database ? [] : ['database']),
      ...(this.#bus.available ? [] : ['bus']),
      ...(reports === null ? [] : [reports]),
    ];
  }

  async #databaseAnswers(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), this.#timeoutMs);
    });
    const answered = this.#pingDatabase().then(
      () => true,
      () => false,
    );
    return Promise.race([answered, late]).finally(() => clearTimeout(timer));
  }
}
