import { configStatus } from '@muster/opamp/opamp';
import { mix } from './random.ts';

/** Parts of a report that wait to be said with the next message. */
export const part = {
  description: 1,
  health: 2,
  effectiveConfig: 4,
  configStatus: 8,
  componentsHash: 16,
  components: 32,
  disconnect: 64,
} as const;

/** What an agent says first, and when it is asked for its full state. */
export const fullState =
  part.description | part.health | part.effectiveConfig | part.configStatus | part.componentsHash;

export const uidLength = 16;
/** 2026-01-01: where the uids' timestamps begin. */
const uidEpochMs = 1_767_225_600_000;
const none = -1;

/**
 * What the agents of a fleet are and have, by their place in it. Columns instead of an object for each: a
 * million of them stay small.
 */
export class AgentTable {
  readonly size: number;
  readonly uids: Buffer;
  /** The number of the next message. */
  readonly nextSequence: Uint32Array;
  /** Bits of `part`. */
  readonly pending: Uint8Array;
  readonly healthy: Uint8Array;
  /** How often the health changed. */
  readonly changes: Uint32Array;
  /** When its collector started, milliseconds. */
  readonly startedAt: Float64Array;
  /** When its unanswered heartbeat was sent, milliseconds; 0: none. */
  readonly sentAt: Float64Array;
  /** Places in `Configs`; -1: none. */
  readonly offered: Int32Array;
  readonly applied: Int32Array;
  readonly configStatus: Uint8Array;
  /** Was it answered on the connection it has? */
  readonly online: Uint8Array;
  /** It broke off for good. */
  readonly gone: Uint8Array;
  readonly #firstAgent: number;
  readonly #salt: number;
  readonly #renamed = new Map<string, number>();

  constructor(size: number, firstAgent: number, seed: number) {
    this.size = size;
    this.#firstAgent = firstAgent;
    this.uids = Buffer.alloc(size * uidLength);
    this.nextSequence = new Uint32Array(size);
    this.pending = new Uint8Array(size).fill(fullState);
    this.healthy = new Uint8Array(size).fill(1);
    this.changes = new Uint32Array(size);
    this.startedAt = new Float64Array(size);
    this.sentAt = new Float64Array(size);
    this.offered = new Int32Array(size).fill(none);
    this.applied = new Int32Array(size).fill(none);
    this.configStatus = new Uint8Array(size).fill(configStatus.unset);
    this.online = new Uint8Array(size);
    this.gone = new Uint8Array(size);
    this.#salt = mix(seed ^ 0x5eed);
    for (let agent = 0; agent < size; agent++) this.#writeUid(agent, firstAgent + agent, seed);
  }

  uid(agent: number): Buffer {
    return this.uids.subarray(agent * uidLength, (agent + 1) * uidLength);
  }

  /** The agent that has the uid at this place of `bytes`, or -1. */
  find(bytes: Buffer, at: number): number {
    const agent = ((bytes.readUInt32BE(at + 12) ^ this.#salt) >>> 0) - this.#firstAgent;
    if (agent >= 0 && agent < this.size && this.has(agent, bytes, at)) return agent;
    if (this.#renamed.size === 0) return none;
    return this.#renamed.get(bytes.toString('hex', at, at + uidLength)) ?? none;
  }

  has(agent: number, bytes: Buffer, at: number): boolean {
    const start = agent * uidLength;
    return this.uids.compare(bytes, at, at + uidLength, start, start + uidLength) === 0;
  }

  rename(agent: number, uid: Buffer): void {
    this.#renamed.delete(this.uid(agent).toString('hex'));
    this.uids.set(uid, agent * uidLength);
    this.#renamed.set(uid.toString('hex'), agent);
  }

  /** A UUIDv7 whose last four bytes lead back to the agent without a map. */
  #writeUid(agent: number, number: number, seed: number): void {
    const at = agent * uidLength;
    this.uids.writeUIntBE(uidEpochMs + number, at, 6);
    this.uids.writeUInt32BE(mix(seed ^ mix(number)), at + 6);
    this.uids[at + 6] = 0x70 | (this.uids[at + 6]! & 0x0f);
    this.uids.writeUInt32BE(mix(mix(seed + 1) ^ number), at + 8);
    this.uids[at + 8] = 0x80 | (this.uids[at + 8]! & 0x3f);
    this.uids.writeUInt32BE((number ^ this.#salt) >>> 0, at + 12);
  }
}
