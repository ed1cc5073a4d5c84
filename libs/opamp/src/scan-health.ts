import { MalformedMessage } from './errors.ts';
import { WireReader } from './wire-reader.ts';

/** What a ComponentHealth says of the agent as a whole. */
export interface HealthScan {
  healthy: boolean;
  hasError: boolean;
  /** start_time_unix_nano is not 0: it runs. */
  started: boolean;
}

const tags = { healthy: 0x08, startTime: 0x11, lastError: 0x1a };

/** Reads the agent's own health and steps over that of its components. Throws `MalformedMessage`. */
export function scanHealth(health: Uint8Array): HealthScan {
  const scan: HealthScan = { healthy: false, hasError: false, started: false };
  const reader = new WireReader(health, 0, health.length);
  try {
    while (!reader.done) {
      const tag = reader.tag();
      const start = reader.position;
      if (tag === tags.healthy) scan.healthy = reader.varint() !== 0;
      else if (tag === tags.lastError) scan.hasError = reader.stepOver() < reader.position;
      else reader.skip(tag & 7);
      if (tag === tags.startTime) scan.started = health.subarray(start, reader.position).some(isSet);
    }
  } catch (error) {
    throw error instanceof MalformedMessage ? new MalformedMessage(error.message, 'health') : error;
  }
  return scan;
}

function isSet(byte: number): boolean {
  return byte !== 0;
}
