import { uidKey } from './session.ts';

const rememberedForMs = 10 * 60_000;
const rememberedAtMost = 10_000;
/** Streams that replace each other before the first one had the time to go on. */
const replacementsAtMost = 3;

interface Stream {
  /** Its last number. */
  last: number;
  until: number;
  /** When it was replaced, and how often whatever replaced it was replaced since. */
  since: number;
  times: number;
}

/**
 * Over plain HTTP two clients with one uid are only told apart by their numbers: each goes on with its own.
 * A stream that another one replaced and that then goes on shows that there are two; the one that came
 * second is the intruder.
 */
export class SequenceStreams {
  readonly #replaced = new Map<string, Stream>();
  readonly #intruders = new Map<string, Stream>();
  readonly #quietMs: number;

  /** `quietMs`: a stream that was silent for so long does not go on. */
  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /**
   * A message that does not follow came after the number `last`. The stream that was there first is remembered until it
   * had the time to go on: it is the agent's own, if there are two. False: there have been too many since.
   */
  replaced(uid: Uint8Array, last: number): boolean {
    const first = this.#replaced.get(uidKey(uid));
    if (first === undefined || first.since + this.#quietMs <= Date.now()) {
      remember(this.#replaced, uid, last);
      return true;
    }
    first.times += 1;
    return first.times <= replacementsAtMost;
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
  streams.set(uidKey(uid), { last, until: now + rememberedForMs, since: now, times: 1 });
  for (const [key, { until }] of streams) {
    if (until > now && streams.size <= rememberedAtMost) return;
    streams.delete(key);
  }
}
