import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import type { NatsLink } from './connection.nats.ts';
import { MessageTooLarge } from './errors.ts';
import { bytesOf } from './stream-settings.ts';
import { maxStoredBytes, partsStream } from './streams.nats.ts';

const partsHeader = 'Muster-Parts';
/** What stands beside a payload in a message: subject and headers. */
const envelopeBytes = 4_096;
const largestPart = 4 * 2 ** 20;
const largestMessage = 256 * 2 ** 20;
const nothing = new Uint8Array();

/** Publishes to a stream; resolves when it is stored. */
type Store = (subject: string, payload: Uint8Array, headers?: MsgHdrs) => Promise<void>;

/** Bytes that are not there any more: the message was taken before, by a member that could not say so. */
export class PartsGone extends Error {}

/**
 * Messages larger than the NATS server takes at once (`max_payload`, 1 MiB unless configured). They are
 * stored in parts first; what goes through the subject names them.
 */
export class LargeMessages {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /** Does the payload go through as it is? */
  fits(payload: Uint8Array): boolean {
    return payload.byteLength <= Math.min(maxStoredBytes, this.#maxPayload);
  }

  /**
   * Stores a payload in parts, then the message that stands for it. Rejects with what goes wrong, leaving no
   * part behind where that can be helped; with `MessageTooLarge` beyond 256 MiB, or a quarter of what the stream of
   * parts holds. `more`: further headers.
   */
  async send(subject: string, payload: Uint8Array, store: Store, more?: MsgHdrs): Promise<void> {
    const most = Math.min(largestMessage, bytesOf(this.#link.streams, partsStream) / 4);
    if (payload.byteLength > most) throw new MessageTooLarge(subject, payload.byteLength, most);
    const id = randomUUID();
    // JetStream hands a part out as base64, in a message of its own.
    const partBytes = Math.min(largestPart, Math.floor(this.#maxPayload / 2) - envelopeBytes);
    const count = Math.ceil(payload.byteLength / partBytes);
    try {
      for (let part = 0; part < count; part++) {
        const bytes = payload.subarray(part * partBytes, (part + 1) * partBytes);
        await store(partSubject(id, part), bytes);
      }
      const named = more ?? headers();
      named.set(partsHeader, `${id}/${count}`);
      await store(subject, nothing, named);
    } catch (error) {
      await this.#remove(id);
      throw error;
    }
  }

  /** The payload of a message, wherever it is. Rejects with `PartsGone`; with anything else, trying again helps. */
  async payloadOf(message: Msg): Promise<Uint8Array> {
    const parts = partsOf(message);
    if (!parts) return message.data;
    const manager = await jetstreamManager(this.#link.connection);
    const bodies: Uint8Array[] = [];
    for (let part = 0; part < parts.count; part++) {
      const stored = await manager.streams.getMessage(partsStream, {
        last_by_subj: partSubject(parts.id, part),
      });
      if (!stored) throw new PartsGone(`part ${part} of ${parts.count} is not there`);
      bodies.push(stored.data);
    }
    return Buffer.concat(bodies);
  }

  /** The message was taken by everybody it is for. */
  async forget(message: Msg): Promise<void> {
    const parts = partsOf(message);
    if (parts) await this.#remove(parts.id);
  }

  /** Parts that stay behind go when they are old. */
  async #remove(id: string): Promise<void> {
    try {
      const manager = await jetstreamManager(this.#link.connection);
      await manager.streams.purge(partsStream, { filter: `${partsStream.toLowerCase()}.${id}.*` });
    } catch (error) {
      this.#link.log.warn({ err: error }, 'parts of a large message stay behind for a while');
    }
  }

  get #maxPayload(): number {
    return this.#link.connection.info?.max_payload ?? 2 ** 20;
  }
}

function partSubject(id: string, part: number): string {
  return `${partsStream.toLowerCase()}.${id}.${part}`;
}

function partsOf(message: Msg): { id: string; count: number } | null {
  const [id, count] = message.headers?.get(partsHeader).split('/') ?? [];
  return id && count ? { id, count: Number(count) } : null;
}
