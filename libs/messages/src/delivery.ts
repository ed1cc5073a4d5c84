import type { Transport } from './report-frame.ts';

/** An order to a gateway (proto/muster/v1/bus.proto `Delivery`). Uids are concatenated 16-byte instance uids. */
export type Delivery =
  | {
      kind: 'desiredConfig';
      configHash: Uint8Array;
      remoteConfig: Uint8Array;
      instanceUids: Uint8Array;
      /** Offer it once more though the agents said FAILED for it; left out: no. */
      retry?: boolean;
    }
  | { kind: 'restart'; instanceUids: Uint8Array }
  | { kind: 'disconnect'; instanceUids: Uint8Array; reason: string }
  | Yield;

/** Somebody who calls itself so speaks to another gateway: is it the agent held here, or a second one? */
export interface Yield {
  kind: 'yield';
  /** 16 bytes. */
  instanceUid: Uint8Array;
  /** Of the newcomer's message. */
  sequenceNum: number;
  /** What let the newcomer in, UUID text. */
  enrollmentTokenId: string;
  transport: Transport;
  /** The newcomer's numbers went through the asking gateway before. */
  resumes: boolean;
  /** From where the newcomer speaks. */
  remoteAddress: string;
  /** What the newcomer's certificate names, 16 bytes; left out: the newcomer counts by its token. */
  certificateIdentity?: Uint8Array;
}

/** Why a gateway does not yield an agent. */
export const yieldRefusals = {
  /** The newcomer is another client. */
  lives: 'its client here lives',
  /** It was heard a moment ago, and nobody can be asked: the newcomer may try again later. */
  heardLately: 'its client was heard here a moment ago',
} as const;

/** What became of a Delivery. */
export interface DeliveryReceipt {
  /** Agents this gateway does not hold (any more), 16 bytes each. */
  notHeld: Uint8Array;
  /** Agents that cannot take it. */
  refused: { instanceUid: Uint8Array; reason: string }[];
}
