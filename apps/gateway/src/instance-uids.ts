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

/** A uid that was given, and whether it was given for the first time. */
export interface AssignedUid {
  uid: Buffer;
  isNew: boolean;
}

/**
 * The uids given to agents that asked for one, or that use another's. An agent that did not hear the
 * answer gets the same again. `asker` tells askers apart: their temporary uids may be alike.
 */
export class AssignedUids {
  readonly #assigned = new Map<string, { uid: Buffer; until: number }>();

  assign(asker: string, now: number): AssignedUid {
    const known = this.#assigned.get(asker);
    const isNew = known === undefined || known.until <= now;
    const uid = isNew ? newInstanceUid(now) : known.uid;
    this.#assigned.delete(asker);
    this.#assigned.set(asker, { uid, until: now + rememberedForMs });
    this.#forgetOld(now);
    return { uid, isNew };
  }

  /** Entries are in the order of their last use. */
  #forgetOld(now: number): void {
    for (const [asker, { until }] of this.#assigned) {
      if (until > now && this.#assigned.size <= rememberedAtMost) return;
      this.#assigned.delete(asker);
    }
  }
}
