import { randomBytes } from 'node:crypto';

/** What no handler took, as far as people see it. Its payload may hold secrets and is not part of it. */
export interface DeadLetter {
  /** UUIDv7: later ones sort behind earlier ones. */
  id: string;
  /** What it was on the bus, or `rollouts.advance` for a step of a rollout. */
  subject: string;
  /** Those who could not take it. */
  group: string;
  /** When it was set aside, Unix milliseconds. */
  at: number;
  /** How often it was tried. */
  tries: number;
  /** Why, in one line that quotes nothing of it. */
  error: string;
  /** The agent it is about, UUID text. */
  agent: string | null;
  /** Size of the payload. */
  bytes: number;
}

export type NewDeadLetter = Omit<DeadLetter, 'id' | 'at' | 'bytes'> & { payload: Uint8Array };

/**
 * What was set aside because no handler took it: bounded in number, bytes and age, the oldest goes first.
 * Adapters: `dead-letters.nats.ts` (a stream, shared by all processes) and `dead-letters.memory.ts`. Everything
 * rejects with `BusUnavailable` when the letters cannot be reached.
 */
export interface DeadLetters {
  /** Keeps one; answers its id. */
  add(letter: NewDeadLetter): Promise<string>;
  /** The latest first; `after`: only those that were set aside before the one with this id. */
  page(query: { limit: number; after?: string | undefined }): Promise<DeadLetterPage>;
  find(id: string): Promise<DeadLetter | null>;
  /** What was to be handled; null when it is not there any more. */
  payloadOf(id: string): Promise<Uint8Array | null>;
  /** False: it was not there. */
  remove(id: string): Promise<boolean>;
  count(): Promise<number>;
  /** What this process has set aside, as metrics show it. */
  readonly numbers: { setAside: number };
}

export interface DeadLetterPage {
  items: DeadLetter[];
  /** Id of the last item; null when no older one is there. */
  next: string | null;
}

export const deadLetterBounds = {
  letters: 10_000,
  bytes: 256 * 2 ** 20,
  ageMs: 14 * 24 * 60 * 60 * 1_000,
};

const alarmPauseMs = 10_000;

/** Says that letters came, no more often than every ten seconds. */
export class DeadLetterAlarm {
  #toldAt = -Infinity;
  #untold = 0;
  readonly #log: { error(detail: object, message: string): void };

  constructor(log: { error(detail: object, message: string): void }) {
    this.#log = log;
  }

  ring(letter: Omit<NewDeadLetter, 'payload'> & { id: string }): void {
    const now = performance.now();
    if (now - this.#toldAt < alarmPauseMs) {
      this.#untold += 1;
      return;
    }
    const { id, subject, group, agent, tries, error } = letter;
    this.#log.error(
      {
        id,
        subject,
        group,
        agent,
        tries,
        error,
        ...(this.#untold > 0 && { othersSinceLastLine: this.#untold }),
      },
      'a message was set aside as a dead letter: see muster deadletter list',
    );
    this.#toldAt = now;
    this.#untold = 0;
  }
}

let lastTime = 0;
let counter = 0;

/** A UUIDv7 (RFC 9562); those of one process sort in the order they were made. */
export function newDeadLetterId(now = Date.now()): string {
  if (now > lastTime) [lastTime, counter] = [now, 0];
  else if (++counter > 0xfff) [lastTime, counter] = [lastTime + 1, 0];
  const bytes = randomBytes(16);
  bytes.writeUIntBE(lastTime, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
