/** Many agents' reports in the order their gateway took them (proto/muster/v1/bus.proto `ReportFrame`). */
export interface ReportFrame {
  gateway: string;
  reports: Report[];
}

export type Transport = 'websocket' | 'http';

/** One agent's message, or what its gateway saw happen to it. Field meanings: bus.proto `Report`. */
export interface Report {
  instanceUid: Uint8Array;
  epoch: number;
  /** AgentToServer.sequence_num; a uint64 on the wire, exact up to 2^53 here. */
  sequenceNum: number;
  /** Unix milliseconds. */
  receivedAt: number;
  agentToServer: Uint8Array;
  connected: boolean;
  disconnected: boolean;
  transport: Transport;
  remoteAddress: string;
  /** UUID text, or empty. */
  enrollmentTokenId: string;
  /** Empty: nothing was offered with this record. */
  offeredConfigHash: Uint8Array;
  offerError: string;
  /** Empty, or the uid that the record still knows the agent by. */
  formerInstanceUid: Uint8Array;
  /** Empty, or the SHA-256 of the list of components the agent named by its own hash. */
  componentsContent: Uint8Array;
  /** 16 bytes; left out: the agent is its enrollment token's. */
  certificateIdentity?: Uint8Array;
}
