import type { Drift } from '../drift/drift.ts';
import type { Tone } from '../ui/status-chip.tsx';

export type AgentStatus = 'connected' | 'disconnected';
export type ConfigurationStatus = 'none' | 'offered' | 'applying' | 'applied' | 'failed' | 'deferred';

export const agentStatuses: AgentStatus[] = ['connected', 'disconnected'];

/** Something to see to: `credentials`, the effective configuration held some. */
export type AgentFinding = 'credentials';

export interface VersionRef {
  name: string;
  version: number;
  hash: string;
}

export interface AgentConfiguration {
  status: ConfigurationStatus;
  current: VersionRef | null;
  pending: VersionRef | null;
  target: VersionRef | null;
  error: string | null;
}

/** One row of the list of agents. */
export interface AgentRow {
  uid: string;
  name: string;
  status: AgentStatus;
  healthy: boolean | null;
  type: string;
  version: string;
  os: string;
  arch: string;
  hostname: string;
  fleet: string | null;
  lastSeenAt: string;
  configuration: AgentConfiguration;
}

/** Everything that is known of one agent. */
export interface AgentDetail extends AgentRow {
  labels: Record<string, string>;
  capabilities: string[];
  transport: string;
  enrolledAt: string;
  connectedAt: string | null;
  identifyingAttributes: Record<string, unknown>;
  nonIdentifyingAttributes: Record<string, unknown>;
  health: ComponentHealth | null;
  effectiveConfig: Record<string, string> | null;
  findings: CredentialFinding[];
  findingsOmitted: number;
  withheld: Record<string, string>;
  driftNotCompared: string | null;
  /** Null: it is what it should be. */
  drift: Drift | null;
  components: { hash: string; components: Record<string, ComponentDetails> } | null;
  packages: { packages: Record<string, PackageStatus>; errorMessage: string } | null;
  remoteConfigStatus: { hash: string; status: string; error: string } | null;
  connection: {
    gateway: string;
    transport: string;
    remoteAddress: string;
    enrollmentToken: string | null;
  } | null;
}

/** A credential in what an agent runs; Muster keeps its place and not its value. */
export interface CredentialFinding {
  file: string;
  line: number;
  column: number;
  /** What it looked like, as in `github-token`. */
  kind: string;
}

/** Health of an agent or a part of it (OpAMP's ComponentHealth). Times are nanoseconds as text. */
export interface ComponentHealth {
  healthy: boolean;
  status: string;
  lastError: string;
  startTimeUnixNano: string;
  components: Record<string, ComponentHealth>;
}

/** Something an agent is built of (OpAMP's ComponentDetails). */
export interface ComponentDetails {
  metadata: Record<string, unknown>;
  components: Record<string, ComponentDetails>;
}

export interface PackageStatus {
  agentHasVersion: string;
  serverOfferedVersion: string;
  status: string;
  errorMessage: string;
}

export const configurationTones: Record<ConfigurationStatus, Tone> = {
  none: 'idle',
  offered: 'info',
  applying: 'info',
  applied: 'ok',
  failed: 'bad',
  deferred: 'warn',
};

/** A version as people say it: "edge v3". */
export function versionText({ name, version }: { name: string; version: number }): string {
  return `${name} v${version}`;
}

/** An agent's name, or its uid while it has said none. */
export function agentTitle({ name, uid }: { name: string; uid: string }): string {
  return name || uid;
}
