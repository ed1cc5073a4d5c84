import { silentBusLog, type BusLog } from './bus-log.ts';
import {
  DeadLetterAlarm,
  deadLetterBounds,
  newDeadLetterId,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetters,
  type NewDeadLetter,
} from './dead-letters.ts';

interface Kept {
  letter: DeadLetter;
  payload: Uint8Array;
}

/**
 * The dead letters of the all-in-one process: they end with it, as all facts of its bus do. What agents
 * said is not lost with them: they say it again when they come back, and if it still cannot be handled it is set
 * aside again.
 */
export class MemoryDeadLetters implements DeadLetters {
  readonly numbers = { setAside: 0 };
  /** In the order of their ids. */
  readonly #kept = new Map<string, Kept>();
  readonly #alarm: DeadLetterAlarm;
  readonly #bounds: typeof deadLetterBounds;
  #bytes = 0;

  constructor(log: BusLog = silentBusLog, bounds: Partial<typeof deadLetterBounds> = {}) {
    this.#alarm = new DeadLetterAlarm(log);
    this.#bounds = { ...deadLetterBounds, bytes: 64 * 2 ** 20, ...bounds };
  }

  async add({ payload, ...given }: NewDeadLetter): Promise<string> {
    const letter = { ...given, id: newDeadLetterId(), at: Date.now(), bytes: payload.length };
    // A view would keep the whole message it is a part of.
    this.#kept.set(letter.id, { letter, payload: Buffer.from(payload) });
    this.#bytes += payload.length;
    this.numbers.setAside += 1;
    this.#forgetOld();
    this.#alarm.ring(letter);
    return letter.id;
  }

  async page({ limit, after }: { limit: number; after?: string | undefined }): Promise<DeadLetterPage> {
    this.#forgetOld();
    const ids = [...this.#kept.keys()].toReversed().filter((id) => after === undefined || id < after);
    const items = ids.slice(0, limit).map((id) => this.#kept.get(id)!.letter);
    return { items, next: ids.length > limit ? items.at(-1)!.id : null };
  }

  async find(id: string): Promise<DeadLetter | null> {
    return this.#kept.get(id)?.letter ?? null;
  }

  async payloadOf(id: string): Promise<Uint8Array | null> {
    return this.#kept.get(id)?.payload ?? null;
  }

  async remove(id: string): Promise<boolean> {
    const known = this.#kept.get(id);
    if (!known) return false;
    this.#kept.delete(id);
    this.#bytes -= known.payload.length;
    return true;
  }

  async count(): Promise<number> {
    this.#forgetOld();
    return this.#kept.size;
  }

  #forgetOld(): void {
    const since = Date.now() - this.#bounds.ageMs;
    for (const [id, { letter, payload }] of this.#kept) {
      const fits = this.#kept.size <= this.#bounds.letters && this.#bytes <= this.#bounds.bytes;
      if (fits && letter.at >= since) break;
      this.#kept.delete(id);
      this.#bytes -= payload.length;
    }
  }
}
