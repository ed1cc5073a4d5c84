import type { Report, ReportFrame } from '@muster/messages/report-frame';
import type { AgentChange } from '@muster/messages/vocabulary';
import { decodeConnectionSettingsStatus, decodeRemoteConfigStatus } from '@muster/opamp/config-status';
import { decodeCustomCapabilities } from '@muster/opamp/custom-capabilities';
import { MalformedMessage } from '@muster/opamp/errors';
import { configStatus } from '@muster/opamp/opamp';
import {
  agentToServerFieldName,
  scanAgentToServer,
  subMessageBody,
  subMessageField,
} from '@muster/opamp/scan-agent-to-server';
import { scanHealth } from '@muster/opamp/scan-health';
import { agentIdFromBytes, type AgentId } from './agent-id.ts';
import { describeAgent } from './description-columns.ts';
import { redactMessage } from './credential-shapes.ts';
import { redactHealth } from './health-redaction.ts';
import type { ConfigFailure, Content, Field, FoldedAgent, Order } from './folded-agent.ts';
import { healthyOf } from './health-verdict.ts';
import { cleanText, columnJson } from './column-text.ts';
import { RepeatedHashes } from './repeated-hashes.ts';

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
    uidBytes: first.instanceUid,
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
    changes: [],
  };
}

type Note = (problem: string) => void;

function foldReport(agent: FoldedAgent, gateway: string, report: Report, note: Note): void {
  const spoke = report.agentToServer.length > 0;
  const order = [report.epoch, report.sequenceNum];
  if (isLater(order, [agent.epoch, agent.sequenceNum])) {
    agent.epoch = report.epoch;
    agent.sequenceNum = report.sequenceNum;
  }
  if (spoke || report.connected) foldPeer(agent, gateway, report, order);
  foldConnection(agent, report);
  foldOffer(agent, report);
  if (spoke) foldMessage(agent, report, order, note);
}

function foldPeer(agent: FoldedAgent, gateway: string, report: Report, order: Order): void {
  const value = {
    gateway,
    transport: report.transport,
    remoteAddress: cleanText(report.remoteAddress),
    enrollmentTokenId: report.enrollmentTokenId || null,
    certificateIdentity: report.certificateIdentity ?? null,
  };
  agent.enrols = true;
  agent.lastSeenAt = Math.max(agent.lastSeenAt, report.receivedAt);
  agent.peer = later(agent.peer, value, order);
}

function foldConnection(agent: FoldedAgent, report: Report): void {
  agent.connected = later(agent.connected, !report.disconnected, [report.epoch, report.disconnected ? 1 : 0]);
  if (report.connected) {
    agent.connectedAt = Math.max(agent.connectedAt ?? 0, report.receivedAt);
    addChange(agent, 'connected');
  }
  if (report.disconnected) {
    agent.disconnectedAt = Math.max(agent.disconnectedAt ?? 0, report.receivedAt);
    addChange(agent, 'disconnected');
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
  addChange(agent, 'configStatus');
}

function foldMessage(agent: FoldedAgent, report: Report, order: Order, note: Note): void {
  try {
    const scan = scanAgentToServer(report.agentToServer);
    if (scan.capabilities !== 0) {
      agent.capabilities = later(agent.capabilities, scan.capabilities, order);
      addChange(agent, 'capabilities');
    }
    let folded = 0;
    for (const { field } of scan.subMessages) {
      // A field that was sent in parts is folded once, as a whole.
      if ((folded & (1 << field)) !== 0) continue;
      folded |= 1 << field;
      foldSubMessage(agent, field, subMessageBody(scan, field)!, order, report.receivedAt, note);
    }
    if (report.componentsContent.length > 0) {
      const content = { hash: Buffer.from(report.componentsContent), body: null };
      agent.availableComponents = later(agent.availableComponents, content, order);
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
    agent.description = later(agent.description, describeAgent(agent.uid, body, changed), order);
    addChange(agent, 'description');
  },
  [subMessageField.health]: (agent, body, { order }) => {
    const healthy = healthyOf(scanHealth(body));
    agent.health = later(agent.health, { body: redactHealth(body), healthy }, order);
    addChange(agent, 'health');
  },
  [subMessageField.effectiveConfig]: (agent, body, { order }) => {
    agent.effectiveConfig = later(agent.effectiveConfig, contentOf(body), order);
    addChange(agent, 'effectiveConfig');
  },
  [subMessageField.availableComponents]: (agent, body, { order }) => {
    agent.availableComponents = later(agent.availableComponents, contentOf(body), order);
    addChange(agent, 'components');
  },
  [subMessageField.packageStatuses]: (agent, body, { order }) => {
    agent.packageStatuses = later(agent.packageStatuses, contentOf(body), order);
    addChange(agent, 'packages');
  },
  [subMessageField.customCapabilities]: (agent, body, { order }) => {
    agent.customCapabilities = later(
      agent.customCapabilities,
      decodeCustomCapabilities(body).map((name) => cleanText(name)),
      order,
    );
    addChange(agent, 'capabilities');
  },
  [subMessageField.connectionSettingsStatus]: (agent, body, { order }) => {
    const status = decodeConnectionSettingsStatus(body);
    const json = columnJson({ ...status, errorMessage: redactMessage(status.errorMessage) });
    agent.connectionSettingsStatus = later(agent.connectionSettingsStatus, json.text, order);
  },
  [subMessageField.remoteConfigStatus]: foldRemoteConfigStatus,
};

/** Ours have 32 bytes; an index row of PostgreSQL holds 2,700. */
const maxConfigHash = 128;

function foldRemoteConfigStatus(agent: FoldedAgent, body: Uint8Array, { order, at }: Moment): void {
  const { lastRemoteConfigHash, status, errorMessage } = decodeRemoteConfigStatus(body);
  const hash = lastRemoteConfigHash.subarray(0, maxConfigHash);
  // Agents quote the configuration they refuse.
  const error = redactMessage(cleanText(errorMessage));
  agent.remoteConfigStatus = later(agent.remoteConfigStatus, { hash, status, error }, order);
  addChange(agent, 'configStatus');
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
  return { hash: contentHashes.of(body), body };
}

const contentHashes = new RepeatedHashes('sha256', 32);

function addChange(agent: FoldedAgent, change: AgentChange): void {
  if (!agent.changes.includes(change)) agent.changes.push(change);
}

/** The later of the two; of two with the same order the one that came last. */
function later<T>(known: Field<T> | null, value: T, order: Order): Field<T> {
  return known && isLater(known.order, order) ? known : { value, order };
}

function isLater(a: Order, b: Order): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! > b[i]!;
  return false;
}
