import { uidKey } from './session.ts';

const rememberedForMs = 10 * 60_000;
const rememberedAtMost = 10_000;

interface Stream {
  /** Its last number. */
  last: number;
  until: number;
}

/**
 * Over plain HTTP two clients with one uid are only told apart by their numbers: each goes on with its own.
 * A stream that another one replaced and that then goes on shows that there are two; the one that came
 * second is the intruder.
 */
export class SequenceStreams {
  readonly #replaced = new Map<string, Stream>();
  readonly #intruders = new Map<string, Stream>();

  /** A message that does not follow came after the number `last`. */
  replaced(uid: Uint8Array, last: number): void {
    remember(this.#replaced, uid, last);
  }

  /** Does the number go on where a stream was replaced? */
  resumes(uid: Uint8Array, sequenceNum: number): boolean {
    return follows(this.#replaced.get(uidKey(uid)), sequenceNum);
  }

  /** The stream at `last` is the second client's. */
  intrudes(uid: Uint8Array, last: number): void {
    this.#replaced.delete(uidKey(uid));
    remember(this.#intruders, uid, last);
  }

  /** Is the number the next one of an intruder? */
  isIntruder(uid: Uint8Array, sequenceNum: number): boolean {
    return this.#intruders.size > 0 && follows(this.#intruders.get(uidKey(uid)), sequenceNum);
  }
}

function follows(stream: Stream | undefined, sequenceNum: number): boolean {
  return stream !== undefined && stream.until > Date.now() && sequenceNum === stream.last + 1;
}

/** Entries are in the order of their age. */
function remember(streams: Map<string, Stream>, uid: Uint8Array, last: number): void {
  const now = Date.now();
  streams.delete(uidKey(uid));
  streams.set(uidKey(uid), { last, until: now + rememberedForMs });
  for (const [key, { until }] of streams) {
    if (until > now && streams.size <= rememberedAtMost) return;
    streams.delete(key);
  }
}
