import { deadLetterBounds } from './dead-letters.ts';

const MiB = 2 ** 20;

/** How the streams of JetStream are made. */
export interface StreamSettings {
  /** Servers that keep each stream; null: 3 where the cluster has as many, 1 otherwise, and never fewer than there are. */
  replicas: number | null;
  /** Bytes that each server reserves for a stream. */
  bytes: Readonly<Record<string, number>>;
}

export const defaultStreamSettings: StreamSettings = {
  replicas: null,
  bytes: { REPORTS: 1_024 * MiB, FACTS: 256 * MiB, PARTS: 1_024 * MiB, DEADLETTERS: deadLetterBounds.bytes },
};

/** What a stream may hold, bytes. */
export function bytesOf({ bytes }: StreamSettings, stream: string): number {
  const size = bytes[stream];
  if (size === undefined) throw new Error(`the stream ${stream} has no size`);
  return size;
}

/** What all streams reserve on each server that keeps them, bytes. */
export function reservedBytes({ bytes }: StreamSettings): number {
  return Object.values(bytes).reduce((sum, size) => sum + size, 0);
}
