import { hash } from 'node:crypto';

/** Shorter ones are hashed as fast as they are compared. */
const shortest = 1024;
/** Longer ones are not kept. */
const longest = 256 * 1024;
const bodiesKept = 2;
const hashesKept = 4;

/**
 * Hashes of what many agents say alike, such as the effective configuration after a rollout: one that was
 * said twice of late is known by comparing it, which costs a tenth of hashing.
 */
export class RepeatedHashes {
  readonly #algorithm: string;
  readonly #bytes: number;
  #bodies: { body: Buffer; hash: Buffer }[] = [];
  #recent: string[] = [];

  /** Answers are the first `bytes` of the hash by `algorithm` (as `node:crypto` names it). */
  constructor(algorithm: string, bytes: number) {
    this.#algorithm = algorithm;
    this.#bytes = bytes;
  }

  /** `body` need not outlive the call. The answer is shared: it is not to be written to. */
  of(body: Uint8Array): Buffer {
    if (body.length < shortest || body.length > longest) return bytesOf(this.#hash(body));
    const known = this.#bodies.find((one) => one.body.length === body.length && one.body.equals(body));
    if (known) return known.hash;
    const text = this.#hash(body);
    const hashed = bytesOf(text);
    if (this.#recent.includes(text)) {
      this.#bodies = [{ body: Buffer.from(body), hash: hashed }, ...this.#bodies].slice(0, bodiesKept);
    } else {
      this.#recent = [text, ...this.#recent].slice(0, hashesKept);
    }
    return hashed;
  }

  /** As text: a Buffer made by `hash` costs several times as much. */
  #hash(body: Uint8Array): string {
    return hash(this.#algorithm, body, 'binary').slice(0, this.#bytes);
  }
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
