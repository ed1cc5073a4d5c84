import { uidKey } from './session.ts';

const firstLockMs = 30_000;
const longestLockMs = 24 * 3_600_000;
const doublings = 12;
const rememberedAtMost = 10_000;

/**
 * Wrong sequence numbers of clients that nobody can ask whether they live. After a wrong one, a right one counts nothing
 * for a while, twice as long each time: the numbers of an agent cannot be tried one after the other.
 */
export class Guesses {
  readonly #wrong = new Map<string, { times: number; until: number }>();

  /** A number that was not the agent's came. */
  wrong(uid: Uint8Array, now = Date.now()): void {
    const key = uidKey(uid);
    const known = this.#wrong.get(key);
    const isOld = known !== undefined && known.until + longestLockMs < now;
    const times = known === undefined || isOld ? 0 : Math.min(known.times + 1, doublings);
    const until = now + Math.min(firstLockMs * 2 ** times, longestLockMs);
    this.#wrong.delete(key);
    this.#wrong.set(key, { times, until });
    if (this.#wrong.size > rememberedAtMost) this.#wrong.delete(this.#wrong.keys().next().value!);
  }

  /** Does even the right number count nothing now? */
  locked(uid: Uint8Array, now = Date.now()): boolean {
    return this.#wrong.size > 0 && (this.#wrong.get(uidKey(uid))?.until ?? 0) > now;
  }
}
