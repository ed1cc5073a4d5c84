import { hash as hashOf } from 'node:crypto';
import type { Report, ReportFrame, Transport } from '@muster/messages/report-frame';
import type { AgentChange } from '@muster/messages/vocabulary';
import { decodeConnectionSettingsStatus, decodeRemoteConfigStatus } from '@muster/opamp/config-status';
import { decodeCustomCapabilities } from '@muster/opamp/custom-capabilities';
import { decodeAgentDescription } from '@muster/opamp/description';
import { MalformedMessage } from '@muster/opamp/errors';
import { decodeHealth } from '@muster/opamp/health';
import { configStatus } from '@muster/opamp/opamp';
import {
  agentToServerFieldName,
  scanAgentToServer,
  subMessageBody,
  subMessageField,
} from '@muster/opamp/scan-agent-to-server';
import { agentIdFromBytes, type AgentId } from './agent-id.ts';
import { describeAgent, type DescriptionColumns } from './description-columns.ts';
import { healthyOf } from './health-verdict.ts';
import { cleanText, columnJson } from './column-text.ts';

/** Where a report stands among all of its agent: greater element by element is later. */
export type Order = readonly number[];

/** The last value of a field, and the report that set it. */
export interface Field<T> {
  value: T;
  order: Order;
}

/** A sub-message that is kept as it came, once for all agents that say the same. */
export interface Content {
  /** SHA-256 of body. */
  hash: Buffer;
  body: Uint8Array;
}

export interface ConfigFailure {
  hash: Uint8Array;
  error: string;
  /** Unix milliseconds. */
  failedAt: number;
}

/** What a batch of reports says of one agent. Null: nothing. Times are Unix milliseconds. */
export interface FoldedAgent {
  uid: AgentId;
  /** False: only that it went offline, which makes no agent of one that is unknown (deleted, say). */
  enrols: boolean;
  /** The enrollment token of its first report here, a UUID. */
  enrolledWith: string | null;
  epoch: number;
  /** The last one of the last epoch. */
  sequenceNum: number;
  lastSeenAt: number;
  /** `body` is the AgentDescription as it came. */
  description: Field<DescriptionColumns & { body: Uint8Array }> | null;
  capabilities: Field<number> | null;
  /** `body` is the ComponentHealth as it came. */
  health: Field<{ body: Uint8Array; healthy: boolean | null }> | null;
  effectiveConfig: Field<Content> | null;
  availableComponents: Field<Content> | null;
  packageStatuses: Field<Content> | null;
  customCapabilities: Field<string[]> | null;
  /** JSON text. */
  connectionSettingsStatus: Field<string> | null;
  remoteConfigStatus: Field<{ hash: Uint8Array; status: number; error: string }> | null;
  /** The last configuration reported APPLIED, also when something else was reported after it. */
  applied: Field<{ hash: Uint8Array; at: number }> | null;
  /** Ordered by time too: a gateway may send several between two reports. */
  offered: Field<{ hash: Uint8Array; at: number; error: string }> | null;
  /** Ordered by [epoch, ended]: a connection ends once and does not begin again. */
  connected: Field<boolean> | null;
  /** Where its last words came from. */
  peer: Field<Peer> | null;
  connectedAt: number | null;
  disconnectedAt: number | null;
  /** Every configuration reported FAILED, whatever was reported after; one entry a hash, the latest. */
  failures: ConfigFailure[];
  changes: Set<AgentChange>;
}

export interface Peer {
  gateway: string;
  transport: Transport;
  remoteAddress: string;
  /** UUID text or null. */
  enrollmentTokenId: string | null;
}

/** Something of a report that could not be kept as it was. */
export interface FoldingNote {
  /** Null: the report does not say whose it is. */
  agent: AgentId | null;
  problem: string;
}

/**
 * Folds reports to the last value of each field of each agent, in the order of uids. Effective configs,
 * components and packages are not decoded. What is malformed is left out and noted.
 */
export function foldReports(frames: readonly ReportFrame[]): { agents: FoldedAgent[]; notes: FoldingNote[] } {
  const agents = new Map<AgentId, FoldedAgent>();
  const notes: FoldingNote[] = [];
  for (const { gateway, reports } of frames) {
    for (const report of reports) {
      if (report.instanceUid.length !== 16) {
        notes.push({ agent: null, problem: `instance_uid of ${report.instanceUid.length} bytes` });
        continue;
      }
      const uid = agentIdFromBytes(report.instanceUid);
      const agent = agents.get(uid) ?? emptyFold(uid, report);
      agents.set(uid, agent);
      foldReport(agent, gateway, report, (problem) => notes.push({ agent: uid, problem }));
    }
  }
  return { agents: [...agents.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1)), notes };
}

function emptyFold(uid: AgentId, first: Report): FoldedAgent {
  return {
    uid,
    enrols: false,
    enrolledWith: first.enrollmentTokenId || null,
    epoch: first.epoch,
    sequenceNum: first.sequenceNum,
    lastSeenAt: 0,
    description: null,
    capabilities: null,
    health: null,
    effectiveConfig: null,
    availableComponents: null,
    packageStatuses: null,
    customCapabilities: null,
    connectionSettingsStatus: null,
    remoteConfigStatus: null,
    applied: null,
    offered: null,
    connected: null,
    peer: null,
    connectedAt: null,
    disconnectedAt: null,
    failures: [],
    changes: new Set(),
  };
}

type Note = (problem: string) => void;

function foldReport(agent: FoldedAgent, gateway: string, report: Report, note: Note): void {
  const spoke = report.agentToServer.length > 0;
  if (isLater([report.epoch, report.sequenceNum], [agent.epoch, agent.sequenceNum])) {
    agent.epoch = report.epoch;
    agent.sequenceNum = report.sequenceNum;
  }
  if (spoke || report.connected) foldPeer(agent, gateway, report);
  foldConnection(agent, report);
  foldOffer(agent, report);
  if (spoke) foldMessage(agent, report, note);
}

function foldPeer(agent: FoldedAgent, gateway: string, report: Report): void {
  const value = {
    gateway,
    transport: report.transport,
    remoteAddress: cleanText(report.remoteAddress),
    enrollmentTokenId: report.enrollmentTokenId || null,
  };
  agent.enrols = true;
  agent.lastSeenAt = Math.max(agent.lastSeenAt, report.receivedAt);
  agent.peer = later(agent.peer, value, [report.epoch, report.sequenceNum]);
}

function foldConnection(agent: FoldedAgent, report: Report): void {
  agent.connected = later(agent.connected, !report.disconnected, [report.epoch, report.disconnected ? 1 : 0]);
  if (report.connected) {
    agent.connectedAt = Math.max(agent.connectedAt ?? 0, report.receivedAt);
    agent.changes.add('connected');
  }
  if (report.disconnected) {
    agent.disconnectedAt = Math.max(agent.disconnectedAt ?? 0, report.receivedAt);
    agent.changes.add('disconnected');
  }
}

function foldOffer(agent: FoldedAgent, report: Report): void {
  if (report.offeredConfigHash.length === 0) return;
  const value = {
    hash: report.offeredConfigHash,
    at: report.receivedAt,
    error: cleanText(report.offerError),
  };
  agent.offered = later(agent.offered, value, [report.epoch, report.sequenceNum, report.receivedAt]);
  agent.changes.add('configStatus');
}

function foldMessage(agent: FoldedAgent, report: Report, note: Note): void {
  const order = [report.epoch, report.sequenceNum];
  try {
    const scan = scanAgentToServer(report.agentToServer);
    if (scan.capabilities !== 0) {
      agent.capabilities = later(agent.capabilities, scan.capabilities, order);
      agent.changes.add('capabilities');
    }
    for (const field of new Set(scan.subMessages.map((subMessage) => subMessage.field))) {
      foldSubMessage(agent, field, subMessageBody(scan, field)!, order, report.receivedAt, note);
    }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    note(error.message);
  }
}

function foldSubMessage(
  agent: FoldedAgent,
  field: number,
  body: Uint8Array,
  order: Order,
  at: number,
  note: Note,
): void {
  const changed = () => note(`${agentToServerFieldName(field)}: changed to fit the database`);
  try {
    // One-shot fields (agent_disconnect, custom_message, …) are no state, so they have no fold.
    subMessageFolds[field]?.(agent, body, { order, at, changed });
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    note(error.message);
  }
}

interface Moment {
  order: Order;
  /** Unix milliseconds. */
  at: number;
  /** Notes that not all of it could be kept. */
  changed: () => void;
}

type SubMessageFold = (agent: FoldedAgent, body: Uint8Array, moment: Moment) => void;

const subMessageFolds: Record<number, SubMessageFold> = {
  [subMessageField.agentDescription]: (agent, body, { order, changed }) => {
    const columns = describeAgent(agent.uid, decodeAgentDescription(body), changed);
    agent.description = later(agent.description, { ...columns, body }, order);
    agent.changes.add('description');
  },
  [subMessageField.health]: (agent, body, { order }) => {
    agent.health = later(agent.health, { body, healthy: healthyOf(decodeHealth(body)) }, order);
    agent.changes.add('health');
  },
  [subMessageField.effectiveConfig]: (agent, body, { order }) => {
    agent.effectiveConfig = later(agent.effectiveConfig, contentOf(body), order);
    agent.changes.add('effectiveConfig');
  },
  [subMessageField.availableComponents]: (agent, body, { order }) => {
    agent.availableComponents = later(agent.availableComponents, contentOf(body), order);
    agent.changes.add('components');
  },
  [subMessageField.packageStatuses]: (agent, body, { order }) => {
    agent.packageStatuses = later(agent.packageStatuses, contentOf(body), order);
    agent.changes.add('packages');
  },
  [subMessageField.customCapabilities]: (agent, body, { order }) => {
    agent.customCapabilities = later(
      agent.customCapabilities,
      decodeCustomCapabilities(body).map((name) => cleanText(name)),
      order,
    );
    agent.changes.add('capabilities');
  },
  [subMessageField.connectionSettingsStatus]: (agent, body, { order }) => {
    const json = columnJson(decodeConnectionSettingsStatus(body));
    agent.connectionSettingsStatus = later(agent.connectionSettingsStatus, json.text, order);
  },
  [subMessageField.remoteConfigStatus]: foldRemoteConfigStatus,
};

/** Ours have 32 bytes; an index row of PostgreSQL holds 2,700. */
const maxConfigHash = 128;

function foldRemoteConfigStatus(agent: FoldedAgent, body: Uint8Array, { order, at }: Moment): void {
  const { lastRemoteConfigHash, status, errorMessage } = decodeRemoteConfigStatus(body);
  const hash = lastRemoteConfigHash.subarray(0, maxConfigHash);
  const error = cleanText(errorMessage);
  agent.remoteConfigStatus = later(agent.remoteConfigStatus, { hash, status, error }, order);
  agent.changes.add('configStatus');
  if (hash.length === 0) return;
  if (status === configStatus.applied) agent.applied = later(agent.applied, { hash, at }, order);
  if (status === configStatus.failed) addFailure(agent.failures, { hash, error, failedAt: at });
}

function addFailure(failures: ConfigFailure[], failure: ConfigFailure): void {
  const known = failures.findIndex(({ hash }) => Buffer.compare(hash, failure.hash) === 0);
  if (known < 0) failures.push(failure);
  else if (failures[known]!.failedAt <= failure.failedAt) failures[known] = failure;
}

function contentOf(body: Uint8Array): Content {
  return { hash: hashOf('sha256', body, 'buffer'), body };
}

/** The later of the two; of two with the same order the one that came last. */
function later<T>(known: Field<T> | null, value: T, order: Order): Field<T> {
  return known && isLater(known.order, order) ? known : { value, order };
}

function isLater(a: Order, b: Order): boolean {
  const differs = a.findIndex((element, index) => element !== b[index]);
  return differs >= 0 && a[differs]! > b[differs]!;
}
