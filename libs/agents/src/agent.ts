import type { AgentCapability } from '@muster/opamp/capabilities';
import type { Attributes } from '@muster/opamp/attributes';
import type { AvailableComponents } from '@muster/opamp/available-components';
import type { ComponentHealth } from '@muster/opamp/health';
import type { PackageStatuses } from '@muster/opamp/package-statuses';
import type { Transport } from '@muster/messages/report-frame';
import type { AgentId } from './agent-id.ts';
import type { ConfigFinding } from './effective-config-redaction.ts';
import type { Selector } from './selector.ts';

export type AgentStatus = 'connected' | 'disconnected';

/** What lists show of an agent. */
export interface AgentSummary {
  uid: AgentId;
  /** host.name, else service.name, else the uid. */
  name: string;
  status: AgentStatus;
  /** Null: the agent does not report health, or has not yet. */
  healthy: boolean | null;
  /** service.name */
  type: string;
  /** service.version */
  version: string;
  /** os.type */
  os: string;
  /** host.arch */
  arch: string;
  /** host.name */
  hostname: string;
  /** What operators say of it. */
  labels: Record<string, string>;
  /** What it says of itself, as text. */
  attributes: Record<string, string>;
  capabilities: AgentCapability[];
  transport: Transport;
  fleet: string | null;
  enrolledAt: Date;
  /** When it last came online. */
  connectedAt: Date | null;
  lastSeenAt: Date;
}

/** What the page of one agent shows. Null, or empty: never reported. */
export interface AgentDetail extends AgentSummary {
  identifyingAttributes: Attributes;
  nonIdentifyingAttributes: Attributes;
  health: ComponentHealth | null;
  /** File name → text; a file that is not UTF-8 as a base64 `data:` URL. */
  effectiveConfig: Record<string, string> | null;
  /** Credentials that were in it when it came; they are not kept. */
  findings: ConfigFinding[];
  /** Credentials beyond those. */
  findingsOmitted: number;
  /** Of effectiveConfig, components and packages those that it reported and that are not shown, and why. */
  withheld: Record<string, string>;
  components: AvailableComponents | null;
  packages: PackageStatuses | null;
  remoteConfigStatus: {
    /** Hex; empty when no configuration was ever offered. */
    hash: string;
    /** unset, applied, applying, failed; an unknown number as text. */
    status: string;
    error: string;
  } | null;
  /** The connection it has, or last had. */
  connection: {
    gateway: string;
    transport: Transport;
    remoteAddress: string;
    /** Name of the enrollment token that let it in. */
    enrollmentToken: string | null;
  };
}

/** Which agents: all conditions hold. */
export interface AgentFilter {
  selector?: Selector;
  /** Part of the name, host name, uid, type or version, in any case. */
  search?: string;
  status?: AgentStatus;
  fleet?: string;
  /** Something to see to: credentials in the effective config. */
  finding?: 'credentials';
}

export interface AgentPageQuery extends AgentFilter {
  limit: number;
  /** The `next` of the page before. */
  after?: string;
}

export interface AgentPage {
  /** By uid. */
  items: AgentSummary[];
  /** Cursor of the next page; null on the last. */
  next: string | null;
}

export interface AgentOverview {
  agents: number;
  connected: number;
  disconnected: number;
  /** Connected ones that say they are not healthy. */
  unhealthy: number;
  /** Those with credentials in their effective config. */
  withCredentials: number;
  /** The most frequent versions, most agents first, at most 20. */
  versions: { name: string; count: number }[];
}
