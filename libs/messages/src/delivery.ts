/** An order to a gateway (proto/muster/v1/bus.proto `Delivery`). Uids are concatenated 16-byte instance uids. */
export type Delivery =
  | { kind: 'desiredConfig'; configHash: Uint8Array; remoteConfig: Uint8Array; instanceUids: Uint8Array }
  | { kind: 'restart'; instanceUids: Uint8Array }
  | { kind: 'disconnect'; instanceUids: Uint8Array; reason: string };

/** What became of a Delivery. */
export interface DeliveryReceipt {
  /** Agents this gateway does not hold (any more), 16 bytes each. */
  notHeld: Uint8Array;
  /** Agents that cannot take it. */
  refused: { instanceUid: Uint8Array; reason: string }[];
}
