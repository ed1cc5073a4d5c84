import { fingerprintBytes, fingerprintSlots } from './fingerprints.ts';

/** Config hashes are told apart by their first 12 bytes. */
const hashBytes = 12;
const failuresKept = 3;

const version = 1;
const flagsAt = 1;
const knownAt = 2;
const fingerprintsAt = 4;
const reportedAt = fingerprintsAt + fingerprintSlots * fingerprintBytes;
const offeredAt = reportedAt + hashBytes;
const failedAt = offeredAt + hashBytes;
const size = failedAt + failuresKept * hashBytes;

const statusKnownFlag = 0x1;
const fullStateOwedFlag = 0x2;

/**
 * What the next gateway needs to know of an agent beside its sequence_num: what it last reported, and
 * how it stands to the configurations it was offered. One array of 128 bytes, which is also what
 * `Presence` keeps.
 */
export class SessionRecord {
  readonly bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The record another gateway left, or an empty one when there is none or it is of another version. */
  static from(left: Uint8Array | null): SessionRecord {
    const bytes = new Uint8Array(size);
    if (left?.length === size && left[0] === version) bytes.set(left);
    bytes[0] = version;
    return new SessionRecord(bytes);
  }

  hasFingerprint(slot: number, fingerprint: Uint8Array): boolean {
    if ((this.bytes[knownAt]! & (1 << slot)) === 0) return false;
    return equalAt(this.bytes, fingerprintsAt + slot * fingerprintBytes, fingerprint, fingerprintBytes);
  }

  setFingerprint(slot: number, fingerprint: Uint8Array): void {
    this.bytes[knownAt]! |= 1 << slot;
    this.bytes.set(fingerprint, fingerprintsAt + slot * fingerprintBytes);
  }

  forgetFingerprint(slot: number): void {
    this.bytes[knownAt]! &= ~(1 << slot);
  }

  /** Nothing that was reported can be counted on any more: a report of it was lost. */
  forgetFingerprints(): void {
    this.bytes[knownAt] = 0;
  }

  /** False: it is not known which configuration the agent has, so none can be offered yet. */
  get statusKnown(): boolean {
    return (this.bytes[flagsAt]! & statusKnownFlag) !== 0;
  }

  set statusKnown(known: boolean) {
    this.#setFlag(statusKnownFlag, known);
  }

  /** A report was lost: the agent must be asked for its full state, by whichever gateway. */
  get fullStateOwed(): boolean {
    return (this.bytes[flagsAt]! & fullStateOwedFlag) !== 0;
  }

  set fullStateOwed(owed: boolean) {
    this.#setFlag(fullStateOwedFlag, owed);
  }

  /** Did the agent last report this config hash? */
  hasReported(configHash: Uint8Array): boolean {
    return equalAt(this.bytes, reportedAt, configHash, hashBytes);
  }

  setReported(configHash: Uint8Array): void {
    this.#setHash(reportedAt, configHash);
  }

  /** Was this config hash the last one offered? */
  wasOffered(configHash: Uint8Array): boolean {
    return equalAt(this.bytes, offeredAt, configHash, hashBytes);
  }

  setOffered(configHash: Uint8Array): void {
    this.#setHash(offeredAt, configHash);
  }

  /** The offer may have been lost on its way. */
  forgetOffered(): void {
    this.bytes.fill(0, offeredAt, offeredAt + hashBytes);
  }

  /** Did the agent report FAILED for this config hash? The last three are remembered. */
  hasFailed(configHash: Uint8Array): boolean {
    for (let at = failedAt; at < size; at += hashBytes) {
      if (equalAt(this.bytes, at, configHash, hashBytes)) return true;
    }
    return false;
  }

  addFailed(configHash: Uint8Array): void {
    if (this.hasFailed(configHash)) return;
    this.bytes.copyWithin(failedAt + hashBytes, failedAt, size - hashBytes);
    this.#setHash(failedAt, configHash);
  }

  #setFlag(flag: number, on: boolean): void {
    if (on) this.bytes[flagsAt]! |= flag;
    else this.bytes[flagsAt]! &= ~flag;
  }

  #setHash(at: number, configHash: Uint8Array): void {
    this.bytes.fill(0, at, at + hashBytes);
    this.bytes.set(configHash.subarray(0, hashBytes), at);
  }
}

/** Compares `length` bytes; a shorter `expected` counts as filled with zeros. */
function equalAt(bytes: Uint8Array, at: number, expected: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== (expected[i] ?? 0)) return false;
  }
  return true;
}
