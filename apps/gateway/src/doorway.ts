import type { Arrivals } from './arrivals.uws.ts';
import type { Admission } from './admission.ts';
import type { BodyLimits } from './body-limits.ts';
import type { Credentials } from './credentials.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Inflation } from './gzip.ts';
import type { Liveness } from './liveness.ts';
import type { MessageRate } from './message-allowance.ts';
import type { Reception } from './reception.ts';
import type { SocketRecycling } from './socket-recycling.ts';

/** What both ways in need: who may come, how fast, and where messages go. */
export interface Doorway {
  /** Bytes of one message, as received and unpacked. */
  maxMessageBytes: number;
  /** Bytes that messages under way may take before connections that stall are cut. */
  unfinishedBytes: number;
  /** See `GatewaySettings`. */
  sharesProcess: boolean;
  /** Milliseconds after which a WebSocket that completed neither a message nor a pong is closed. */
  idleMs: number;
  recycling: SocketRecycling;
  bodies: BodyLimits;
  inflation: Inflation;
  messageRate: MessageRate;
  admission: Admission;
  arrivals: Arrivals;
  credentials: Credentials;
  liveness: Liveness;
  metrics: GatewayMetrics;
  reception: Reception;
}
