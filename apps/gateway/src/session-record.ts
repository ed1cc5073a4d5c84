import { fingerprintBytes, fingerprintSlots, remoteConfigStatusSlot } from './fingerprints.ts';
import { Slots, type Slot } from './slots.ts';

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
const recordBytes = failedAt + failuresKept * hashBytes;

const uidBytes = 16;
const slots = new Slots(uidBytes + recordBytes);

const statusKnownFlag = 0x1;
const fullStateOwedFlag = 0x2;
const applyingFlag = 0x4;

/**
 * An agent's uid, and what the next gateway needs to know of the agent beside its sequence_num: what it
 * last reported, and how it stands to the configurations it was offered. 128 bytes, which is also what
 * `Presence` keeps.
 */
export class SessionRecord {
  #slot: Slot = slots.take();
  #released = false;
  /** Presence does not have it as it is now. */
  unsaved = true;

  constructor(uid: Uint8Array) {
    this.#slot.memory.set(uid, this.#slot.at);
    this.load(null);
  }

  /** The agent's uid, 16 bytes: to be used at once, since the memory is another agent's after `release`. */
  get uid(): Buffer {
    const { memory, at } = this.#slot;
    return memory.subarray(at, at + uidBytes);
  }

  isOf(uid: Uint8Array): boolean {
    return uid.length === uidBytes && this.isAt(uid, 0);
  }

  /** Do the 16 bytes from `start` on hold the agent's uid? */
  isAt(bytes: Uint8Array, start: number): boolean {
    const { memory, at } = this.#slot;
    for (let i = 0; i < uidBytes; i++) if (memory[at + i] !== bytes[start + i]) return false;
    return true;
  }

  /** Writes the agent's uid into `target`, from `start` on. */
  copyUid(target: Uint8Array, start: number): void {
    const { memory, at } = this.#slot;
    for (let i = 0; i < uidBytes; i++) target[start + i] = memory[at + i]!;
  }

  /** A copy, as `Presence` keeps it. */
  get bytes(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#slot.memory, this.#start, this.#start + recordBytes);
  }

  /** Takes over the record another gateway left. It is empty when there is none, or one of another version. */
  load(left: Uint8Array | null): void {
    const { memory } = this.#slot;
    this.unsaved = left?.length !== recordBytes || left[0] !== version;
    if (this.unsaved) memory.fill(0, this.#start, this.#start + recordBytes);
    else memory.set(left!, this.#start);
    memory[this.#start] = version;
  }

  /** The agent has left this gateway: what is still said of it is kept in memory of its own. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    const { memory, at } = this.#slot;
    const own = Buffer.from(memory.subarray(at, at + uidBytes + recordBytes));
    slots.giveBack(this.#slot);
    this.#slot = { memory: own, at: 0 };
  }

  get #start(): number {
    return this.#slot.at + uidBytes;
  }

  hasFingerprint(slot: number, fingerprint: Uint8Array): boolean {
    if ((this.#byte(knownAt) & (1 << slot)) === 0) return false;
    return this.#equals(fingerprintsAt + slot * fingerprintBytes, fingerprint, fingerprintBytes);
  }

  setFingerprint(slot: number, fingerprint: Uint8Array): void {
    this.#setByte(knownAt, this.#byte(knownAt) | (1 << slot));
    this.#slot.memory.set(fingerprint, this.#start + fingerprintsAt + slot * fingerprintBytes);
  }

  forgetFingerprint(slot: number): void {
    this.#setByte(knownAt, this.#byte(knownAt) & ~(1 << slot));
  }

  /** Nothing that was reported can be counted on any more: a report of it was lost. */
  forgetFingerprints(): void {
    this.#setByte(knownAt, 0);
  }

  /** False: it is not known which configuration the agent has, so none can be offered yet. */
  get statusKnown(): boolean {
    return (this.#byte(flagsAt) & statusKnownFlag) !== 0;
  }

  set statusKnown(known: boolean) {
    this.#setFlag(statusKnownFlag, known);
  }

  /** A report was lost: the agent must be asked for its full state, by whichever gateway. */
  get fullStateOwed(): boolean {
    return (this.#byte(flagsAt) & fullStateOwedFlag) !== 0;
  }

  set fullStateOwed(owed: boolean) {
    this.#setFlag(fullStateOwedFlag, owed);
  }

  /** Did the agent last report this config hash? */
  hasReported(configHash: Uint8Array): boolean {
    return this.#equals(reportedAt, configHash, hashBytes);
  }

  setReported(configHash: Uint8Array): void {
    this.#setHash(reportedAt, configHash);
  }

  /** The agent last reported APPLYING, for what `hasReported` says. */
  set applying(applying: boolean) {
    this.#setFlag(applyingFlag, applying);
  }

  /** An agent that said APPLYING may have been stopped before it was done: it counts as having said nothing. */
  forgetApplying(): void {
    if ((this.#byte(flagsAt) & applyingFlag) === 0) return;
    this.applying = false;
    this.setReported(nothing);
    this.forgetFingerprint(remoteConfigStatusSlot);
  }

  /** Was this config hash the last one offered? */
  wasOffered(configHash: Uint8Array): boolean {
    return this.#equals(offeredAt, configHash, hashBytes);
  }

  setOffered(configHash: Uint8Array): void {
    this.#setHash(offeredAt, configHash);
  }

  /** The offer may have been lost on its way. */
  forgetOffered(): void {
    this.#setHash(offeredAt, nothing);
  }

  /** Did the agent report FAILED for this config hash? The last three are remembered. */
  hasFailed(configHash: Uint8Array): boolean {
    for (let at = failedAt; at < recordBytes; at += hashBytes) {
      if (this.#equals(at, configHash, hashBytes)) return true;
    }
    return false;
  }

  /** What it said of this config hash does not count any more: neither that it has it nor that it failed. */
  forgetSaid(configHash: Uint8Array): void {
    if (this.hasReported(configHash)) this.setReported(nothing);
    for (let at = failedAt; at < recordBytes; at += hashBytes) {
      if (this.#equals(at, configHash, hashBytes)) this.#setHash(at, nothing);
    }
  }

  addFailed(configHash: Uint8Array): void {
    if (this.hasFailed(configHash)) return;
    const start = this.#start;
    this.#slot.memory.copyWithin(
      start + failedAt + hashBytes,
      start + failedAt,
      start + recordBytes - hashBytes,
    );
    this.#setHash(failedAt, configHash);
  }

  #setFlag(flag: number, on: boolean): void {
    const flags = this.#byte(flagsAt);
    this.#setByte(flagsAt, on ? flags | flag : flags & ~flag);
  }

  #setHash(at: number, configHash: Uint8Array): void {
    const { memory } = this.#slot;
    const start = this.#start + at;
    this.unsaved = true;
    memory.fill(0, start, start + hashBytes);
    memory.set(configHash.subarray(0, hashBytes), start);
  }

  #byte(at: number): number {
    return this.#slot.memory[this.#start + at]!;
  }

  #setByte(at: number, value: number): void {
    this.unsaved = true;
    this.#slot.memory[this.#start + at] = value;
  }

  #equals(at: number, expected: Uint8Array, length: number): boolean {
    return equalAt(this.#slot.memory, this.#start + at, expected, length);
  }
}

const nothing = new Uint8Array(0);

/** Compares `length` bytes; a shorter `expected` counts as filled with zeros. */
function equalAt(bytes: Uint8Array, at: number, expected: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== (expected[i] ?? 0)) return false;
  }
  return true;
}
