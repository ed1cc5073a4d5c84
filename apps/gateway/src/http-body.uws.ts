import type { HttpResponse } from 'uWebSockets.js';
import { longestDiscardMs, type BodyLimits } from './body-limits.ts';

/** Why a body was not taken in. */
export type BodyProblem = 'tooLarge' | 'tooSlow' | 'noRoom';

/**
 * The body of one request. Must be made in the turn the request came. Nothing is kept beyond the limit,
 * what is held counts in the budget until `release`, and a body that takes too long is given up.
 */
export class HttpBody {
  /** Resolves once: with the body, or with why there is none. Never, if the client is gone before. */
  readonly received: Promise<Buffer | BodyProblem>;
  readonly #limits: BodyLimits;
  #resolve!: (outcome: Buffer | BodyProblem) => void;
  #chunks: Buffer[] = [];
  #size = 0;
  readonly #restIsShort: boolean;
  /** Bytes that count in the budget. */
  #held = 0;
  #settled = false;
  #released = false;
  #timer: NodeJS.Timeout | null = null;
  /** The client has sent all of it. */
  #complete = false;
  #onRest: ((allCame: boolean) => void) | null = null;
  /** Bytes that may still be thrown away. */
  #discardable = 0;

  /** `declaredLength`: bytes; null when the client does not say. */
  constructor(response: HttpResponse, declaredLength: number | null, limits: BodyLimits) {
    this.#limits = limits;
    this.#restIsShort = declaredLength !== null && declaredLength <= limits.maxBytes;
    this.received = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (declaredLength !== null && !this.#restIsShort) this.#settle('tooLarge');
    response.onData((chunk, isLast) => this.#take(chunk, isLast));
  }

  /** Nothing comes any more, or so little that the connection may go on after an early answer. */
  get endsSoon(): boolean {
    return this.#complete || this.#restIsShort;
  }

  /** The body in memory was replaced by its unpacked form of `size` bytes; false: there is no room for it. */
  unpackedTo(size: number): boolean {
    this.#limits.budget.give(this.#held);
    this.#held = 0;
    if (this.#released) return true;
    if (!this.#limits.budget.take(size, 0)) return false;
    this.#held = size;
    return true;
  }

  /**
   * Throws away what still comes, so that the client, which may not listen before it has sent all, gets to
   * read its answer. `done` is called when all has come, or when there is no end to it; never when the client
   * is gone.
   */
  discardRest(done: (allCame: boolean) => void): void {
    this.#settle('tooLarge');
    if (this.#complete) return done(true);
    this.#discardable = this.#limits.maxBytes * 2;
    this.#onRest = done;
    this.#timer = setTimeout(() => this.#restIsOver(false), longestDiscardMs);
  }

  /** The exchange is over. */
  release(): void {
    this.#released = true;
    this.#settle('tooSlow');
    this.#onRest = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#limits.budget.give(this.#held);
    this.#held = 0;
  }

  #take(chunk: ArrayBuffer, isLast: boolean): void {
    this.#complete = isLast;
    if (this.#settled) return this.#discard(chunk.byteLength, isLast);
    const bytes = chunk.byteLength;
    if (this.#size + bytes > this.#limits.maxBytes) return this.#settle('tooLarge');
    if (!this.#limits.budget.take(bytes, this.#size)) return this.#settle('noRoom');
    this.#size += bytes;
    this.#held += bytes;
    // The chunk's memory is only valid now.
    this.#chunks.push(Buffer.from(Buffer.from(chunk)));
    if (isLast) {
      this.#settle(this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#size));
    } else {
      this.#timer ??= setTimeout(() => this.#settle('tooSlow'), this.#limits.timeoutMs);
    }
  }

  #settle(outcome: Buffer | BodyProblem): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (typeof outcome === 'string') {
      this.#limits.budget.give(this.#held);
      this.#held = 0;
    }
    this.#resolve(outcome);
  }

  #discard(bytes: number, isLast: boolean): void {
    this.#discardable -= bytes;
    if (isLast || this.#discardable < 0) this.#restIsOver(isLast);
  }

  #restIsOver(allCame: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const done = this.#onRest;
    this.#onRest = null;
    done?.(allCame);
  }
}
