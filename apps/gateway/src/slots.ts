/** A piece of shared memory: bytes `at` to `at + size` of `memory`. */
export interface Slot {
  memory: Buffer;
  at: number;
}

const slotsInChunk = 512;

/**
 * Pieces of memory of one size, cut from larger ones: a typed array of its own costs V8 half a KiB
 * beside what it holds.
 */
export class Slots {
  readonly #size: number;
  readonly #free: Slot[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** A slot; what its last owner wrote may still be in it. */
  take(): Slot {
    if (this.#free.length === 0) this.#grow();
    return this.#free.pop()!;
  }

  /** Whoever gives a slot back must not use it any more: the next one gets it. */
  giveBack(slot: Slot): void {
    this.#free.push(slot);
  }

  #grow(): void {
    const memory = Buffer.alloc(this.#size * slotsInChunk);
    for (let at = memory.length - this.#size; at >= 0; at -= this.#size) this.#free.push({ memory, at });
  }
}
