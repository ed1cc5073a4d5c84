import type { Admission } from './admission.ts';
import type { Credentials } from './credentials.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Liveness } from './liveness.ts';
import type { Reception } from './reception.ts';

/** What both ways in need: who may come, how fast, and where messages go. */
export interface Doorway {
  /** Bytes of one message, as received and unpacked. */
  maxMessageBytes: number;
  admission: Admission;
  credentials: Credentials;
  liveness: Liveness;
  metrics: GatewayMetrics;
  reception: Reception;
}
