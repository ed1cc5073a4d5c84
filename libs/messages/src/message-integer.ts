import type { muster } from './generated/bus.js';

/** A uint64 as protobufjs hands it over, exact up to 2^53. */
export function integer(value: muster.v1.Report.$Properties['epoch']): number {
  return typeof value === 'object' ? (value?.toNumber() ?? 0) : (value ?? 0);
}
