/** How far an agent came with what it should run; meanings in docs/architecture.md. */
export const configurationStatuses = [
  'none',
  'offered',
  'applying',
  'applied',
  'failed',
  'deferred',
] as const;
export type ConfigurationStatus = (typeof configurationStatuses)[number];

/** Every status with its count, 0 where there is none. */
export function fillStatusCounts(counts: Partial<StatusCounts>): StatusCounts {
  return { none: 0, offered: 0, applying: 0, applied: 0, failed: 0, deferred: 0, ...counts };
}
export type StatusCounts = Record<ConfigurationStatus, number>;

/** A configuration version as an agent has or should have it. */
export interface VersionRef {
  readonly name: string;
  readonly version: number;
  /** Of the rendered config, hex. */
  readonly hash: string;
}

export interface AgentConfiguration {
  readonly status: ConfigurationStatus;
  /** The last one the agent confirmed. */
  readonly current: VersionRef | null;
  /** The target while the agent has been offered it and has not confirmed it. */
  readonly pending: VersionRef | null;
  /** What it should run. */
  readonly target: VersionRef | null;
  /** Why the target failed. */
  readonly error: string | null;
}
