import { jetstreamManager, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import { z } from 'zod';
import type { NatsLink } from './connection.nats.ts';
import {
  DeadLetterAlarm,
  newDeadLetterId,
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetters,
  type NewDeadLetter,
} from './dead-letters.ts';
import { BusUnavailable } from './errors.ts';
import { deadLettersStream } from './streams.nats.ts';

/** Publishes to a stream; resolves when it is stored. */
type Store = (subject: string, payload: Uint8Array, headers?: MsgHdrs) => Promise<void>;

const entrySubject = (id: string) => `deadletters.entry.${id}`;
const payloadSubject = (id: string, part: number | '*') => `deadletters.payload.${id}.${part}`;
const entries = 'deadletters.entry.*';
const largestPart = 512 * 1024;
/** Reads at once. */
const readsAtOnce = 20;

const storedLetter = z.object({
  id: z.string(),
  subject: z.string(),
  group: z.string(),
  at: z.number(),
  tries: z.number(),
  error: z.string(),
  agent: z.string().nullable(),
  bytes: z.number(),
  parts: z.number(),
});
type StoredLetter = z.infer<typeof storedLetter>;

/** The dead letters of a cluster: the stream DEADLETTERS, an entry for each and the payload in parts beside it. */
export class NatsDeadLetters implements DeadLetters {
  readonly numbers = { setAside: 0 };
  private readonly alarm: DeadLetterAlarm;
  private readonly link: NatsLink;
  private readonly store: Store;

  constructor(link: NatsLink, store: Store) {
    this.link = link;
    this.store = store;
    this.alarm = new DeadLetterAlarm(link.log);
  }

  async add({ payload, ...given }: NewDeadLetter): Promise<string> {
    const id = newDeadLetterId();
    const partBytes = Math.min(
      largestPart,
      Math.floor((this.link.connection.info?.max_payload ?? 2 ** 20) / 2),
    );
    const parts = Math.ceil(payload.length / partBytes);
    const letter: StoredLetter = { ...given, id, at: Date.now(), bytes: payload.length, parts };
    await this.reach(async () => {
      for (let part = 0; part < parts; part += 1) {
        const bytes = payload.subarray(part * partBytes, (part + 1) * partBytes);
        await this.store(payloadSubject(id, part), bytes);
      }
      // Last, so that whatever is listed was whole once.
      await this.store(entrySubject(id), Buffer.from(JSON.stringify(letter)));
    });
    this.numbers.setAside += 1;
    this.alarm.ring(letter);
    return id;
  }

  async page({ limit, after }: { limit: number; after?: string | undefined }): Promise<DeadLetterPage> {
    const older = (await this.ids()).filter((id) => after === undefined || id < after);
    const wanted = older.slice(0, limit);
    const items: DeadLetter[] = [];
    for (let at = 0; at < wanted.length; at += readsAtOnce) {
      const found = await Promise.all(wanted.slice(at, at + readsAtOnce).map((id) => this.find(id)));
      items.push(...found.filter((letter) => letter !== null));
    }
    return { items, next: older.length > limit ? wanted.at(-1)! : null };
  }

  async find(id: string): Promise<DeadLetter | null> {
    const stored = await this.read(id);
    if (!stored) return null;
    const { parts: _, ...letter } = stored;
    return letter;
  }

  async payloadOf(id: string): Promise<Uint8Array | null> {
    const letter = await this.read(id);
    if (!letter) return null;
    const bodies: Uint8Array[] = [];
    for (let part = 0; part < letter.parts; part += 1) {
      const body = await this.last(payloadSubject(id, part));
      if (!body) return null;
      bodies.push(body);
    }
    return Buffer.concat(bodies);
  }

  async remove(id: string): Promise<boolean> {
    return this.reach(async (manager) => {
      const { purged } = await manager.streams.purge(deadLettersStream, { filter: entrySubject(id) });
      await manager.streams.purge(deadLettersStream, { filter: payloadSubject(id, '*') });
      return purged > 0;
    });
  }

  async count(): Promise<number> {
    return (await this.ids()).length;
  }

  /** The latest first. */
  private async ids(): Promise<string[]> {
    const subjects = await this.reach(async (manager) => {
      const { state } = await manager.streams.info(deadLettersStream, { subjects_filter: entries });
      return Object.keys(state.subjects ?? {});
    });
    return subjects
      .map((subject) => subject.slice(entries.length - 1))
      .toSorted()
      .toReversed();
  }

  private async read(id: string): Promise<StoredLetter | null> {
    const body = await this.last(entrySubject(id));
    return body ? storedLetter.parse(JSON.parse(Buffer.from(body).toString())) : null;
  }

  private last(subject: string): Promise<Uint8Array | null> {
    return this.reach(async (manager) => {
      const stored = await manager.streams.getMessage(deadLettersStream, { last_by_subj: subject });
      return stored?.data ?? null;
    });
  }

  private async reach<T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    if (!this.link.available) throw new BusUnavailable('not connected to NATS');
    try {
      return await work(await jetstreamManager(this.link.connection, { checkAPI: false }));
    } catch (error) {
      if (error instanceof BusUnavailable) throw error;
      const cause =
        error instanceof JetStreamApiError || error instanceof Error ? error.message : String(error);
      throw new BusUnavailable(`dead letters cannot be reached: ${cause}`, { cause: error });
    }
  }
}
