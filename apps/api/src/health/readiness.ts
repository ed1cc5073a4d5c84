import type { EventBus } from '@muster/messages/event-bus';

/** Looks whether the API can do its work. */
export class Readiness {
  readonly #pingDatabase: () => Promise<unknown>;
  readonly #bus: Pick<EventBus, 'available'>;
  readonly #timeoutMs: number;

  /** @param pingDatabase resolves when the database answers */
  constructor(
    pingDatabase: () => Promise<unknown>,
    bus: Pick<EventBus, 'available'>,
    { timeoutMs = 2_000 }: { timeoutMs?: number } = {},
  ) {
    this.#pingDatabase = pingDatabase;
    this.#bus = bus;
    this.#timeoutMs = timeoutMs;
  }

  /** The parts that do not answer; none: ready. */
  async missing(): Promise<('database' | 'bus')[]> {
    const database = await this.#databaseAnswers();
    return [...(database ? [] : ['database' as const]), ...(this.#bus.available ? [] : ['bus' as const])];
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
