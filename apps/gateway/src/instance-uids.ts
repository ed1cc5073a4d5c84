import { randomBytes } from 'node:crypto';

/** A new instance_uid: 16 bytes of a UUIDv7 (RFC 9562), which the specification recommends. */
export function newInstanceUid(now: number): Buffer {
  const uid = randomBytes(16);
  uid.writeUIntBE(now, 0, 6);
  uid[6] = 0x70 | (uid[6]! & 0x0f);
  uid[8] = 0x80 | (uid[8]! & 0x3f);
  return uid;
}

const rememberedForMs = 60_000;
const rememberedAtMost = 10_000;

/**
 * The uids given to agents that asked for one. An agent that asks again before it heard the answer gets
 * the same. `asker` tells askers apart: their temporary uids may be alike.
 */
export class AssignedUids {
  readonly #assigned = new Map<string, { uid: Buffer; until: number }>();

  assign(asker: string, now: number): Buffer {
    const known = this.#assigned.get(asker);
    if (known && known.until > now) return known.uid;
    const uid = newInstanceUid(now);
    this.#assigned.delete(asker);
    this.#assigned.set(asker, { uid, until: now + rememberedForMs });
    this.#forgetOld(now);
    return uid;
  }

  /** Entries are in the order of their age. */
  #forgetOld(now: number): void {
    for (const [asker, { until }] of this.#assigned) {
      if (until > now && this.#assigned.size <= rememberedAtMost) return;
      this.#assigned.delete(asker);
    }
  }
}
