import type { Transport } from '@muster/messages/report-frame';
import type { AgentChange } from '@muster/messages/vocabulary';
import type { AgentId } from './agent-id.ts';
import type { StoredDescription } from './description-columns.ts';

/** Where a report stands among all of its agent: greater element by element is later. */
export type Order = readonly number[];

/** The last value of a field, and the report that set it. */
export interface Field<T> {
  value: T;
  order: Order;
}

/** A sub-message that is kept as it came, once for all agents that say the same. */
export interface Content {
  /** SHA-256 of body. */
  hash: Buffer;
  /** Null: another agent reported it. */
  body: Uint8Array | null;
}

export interface ConfigFailure {
  hash: Uint8Array;
  error: string;
  /** Unix milliseconds. */
  failedAt: number;
}

/** What a batch of reports says of one agent. Null: nothing. Times are Unix milliseconds. */
export interface FoldedAgent {
  uid: AgentId;
  uidBytes: Uint8Array;
  /** False: only that it went offline, which makes no agent of one that is unknown (deleted, say). */
  enrols: boolean;
  /** The enrollment token of its first report here, a UUID. */
  enrolledWith: string | null;
  epoch: number;
  /** The last one of the last epoch. */
  sequenceNum: number;
  lastSeenAt: number;
  /** `body` is the AgentDescription as it came, but for credentials. */
  description: Field<StoredDescription> | null;
  capabilities: Field<number> | null;
  /** `body` is the ComponentHealth as it came. */
  health: Field<{ body: Uint8Array; healthy: boolean | null }> | null;
  effectiveConfig: Field<Content> | null;
  availableComponents: Field<Content> | null;
  packageStatuses: Field<Content> | null;
  customCapabilities: Field<string[]> | null;
  /** JSON text. */
  connectionSettingsStatus: Field<string> | null;
  remoteConfigStatus: Field<{ hash: Uint8Array; status: number; error: string }> | null;
  /** The last configuration reported APPLIED, also when something else was reported after it. */
  applied: Field<{ hash: Uint8Array; at: number }> | null;
  /** Ordered by time too: a gateway may send several between two reports. */
  offered: Field<{ hash: Uint8Array; at: number; error: string }> | null;
  /** Ordered by [epoch, ended]: a connection ends once and does not begin again. */
  connected: Field<boolean> | null;
  /** Where its last words came from. */
  peer: Field<Peer> | null;
  connectedAt: number | null;
  disconnectedAt: number | null;
  /** Every configuration reported FAILED, whatever was reported after; one entry a hash, the latest. */
  failures: ConfigFailure[];
  /** Each once. */
  changes: AgentChange[];
}

export interface Peer {
  gateway: string;
  transport: Transport;
  remoteAddress: string;
  /** UUID text or null. */
  enrollmentTokenId: string | null;
  /** Of the certificate that the agent belongs to; null: it belongs to the token. */
  certificateIdentity: Uint8Array | null;
}
