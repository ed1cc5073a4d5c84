import { setImmediate } from 'node:timers/promises';
import type { Report, ReportFrame } from '@muster/messages/report-frame';
import type { AgentChange } from '@muster/messages/vocabulary';
import { MalformedMessage } from '@muster/opamp/errors';
import { configStatus } from '@muster/opamp/opamp';
import {
  agentToServerFieldName,
  scanAgentToServer,
  subMessageBody,
  subMessageField,
  type AgentToServerScan,
} from '@muster/opamp/scan-agent-to-server';
import { agentIdFromBytes, type AgentId } from './agent-id.ts';
import { cleanText } from './column-text.ts';
import type { ConfigFailure, Content, Field, FoldedAgent, Order } from './folded-agent.ts';
import { NotSearched, readAtOnce, reportReader, type ReportReader } from './report-reader.ts';
import { RepeatedHashes } from './repeated-hashes.ts';
import {
  isReadField,
  readSubMessage,
  type ReadField,
  type Reading,
  type Readings,
} from './sub-message-reading.ts';

/** Something of a report that could not be kept as it was. */
export interface FoldingNote {
  /** Null: the report does not say whose it is. */
  agent: AgentId | null;
  problem: string;
}

/** So long nothing else is done. */
const sliceMs = 20;

/**
 * Folds reports to the last value of each field of each agent, in the order of uids. Effective configs,
 * components and packages are not decoded. What is malformed, or would take too much to search for credentials, is
 * left out and noted. Large texts are read by `reader`, and others get their turn between reports.
 */
export async function foldReports(
  frames: readonly ReportFrame[],
  reader: ReportReader = reportReader,
): Promise<{ agents: FoldedAgent[]; notes: FoldingNote[] }> {
  const agents = new Map<AgentId, FoldedAgent>();
  const notes: FoldingNote[] = [];
  const large = await readLarge(frames, reader);
  let began = performance.now();
  for (const { gateway, reports } of frames) {
    for (const report of reports) {
      if (report.instanceUid.length !== 16) {
        notes.push({ agent: null, problem: `instance_uid of ${report.instanceUid.length} bytes` });
        continue;
      }
      const uid = agentIdFromBytes(report.instanceUid);
      const agent = agents.get(uid) ?? emptyFold(uid, report);
      agents.set(uid, agent);
      const note = (problem: string) => void notes.push({ agent: uid, problem });
      foldReport(agent, gateway, report, { large: large?.get(report), note });
      if (report.agentToServer.length <= readAtOnce || performance.now() - began < sliceMs) continue;
      await setImmediate();
      began = performance.now();
    }
  }
  return { agents: [...agents.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1)), notes };
}

/** What was read of one report's large sub-messages, or why it was not. */
type LargeReadings = Map<number, Reading | Error>;

/** Null: there are none, as nearly always. */
async function readLarge(
  frames: readonly ReportFrame[],
  reader: ReportReader,
): Promise<Map<Report, LargeReadings> | null> {
  const large = frames.flatMap(({ reports }) =>
    reports.filter(
      ({ agentToServer, instanceUid }) => agentToServer.length > readAtOnce && instanceUid.length === 16,
    ),
  );
  if (large.length === 0) return null;
  return new Map(
    await Promise.all(large.map(async (report) => [report, await readLargeOf(report, reader)] as const)),
  );
}

async function readLargeOf(report: Report, reader: ReportReader): Promise<LargeReadings> {
  const readings: LargeReadings = new Map();
  const uid = agentIdFromBytes(report.instanceUid);
  for (const [field, body] of subMessagesOf(report)) {
    if (body.length <= readAtOnce || !isReadField(field)) continue;
    readings.set(field, await reader.read(field, uid, body).catch(refusalOf));
  }
  return readings;
}

function subMessagesOf({ agentToServer }: Report): [field: number, body: Uint8Array][] {
  try {
    return wholeSubMessages(scanAgentToServer(agentToServer));
  } catch (error) {
    if (error instanceof MalformedMessage) return [];
    throw error;
  }
}

function refusalOf(error: unknown): Error {
  if (error instanceof MalformedMessage || error instanceof NotSearched) return error;
  throw error;
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

interface Read {
  readonly large: LargeReadings | undefined;
  readonly note: Note;
}

function foldReport(agent: FoldedAgent, gateway: string, report: Report, read: Read): void {
  const spoke = report.agentToServer.length > 0;
  const order = [report.epoch, report.sequenceNum];
  if (isLater(order, [agent.epoch, agent.sequenceNum])) {
    agent.epoch = report.epoch;
    agent.sequenceNum = report.sequenceNum;
  }
  if (spoke || report.connected) foldPeer(agent, gateway, report, order);
  foldConnection(agent, report);
  foldOffer(agent, report);
  if (spoke) foldMessage(agent, report, order, read);
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

function foldMessage(agent: FoldedAgent, report: Report, order: Order, read: Read): void {
  try {
    const scan = scanAgentToServer(report.agentToServer);
    if (scan.capabilities !== 0) {
      agent.capabilities = later(agent.capabilities, scan.capabilities, order);
      addChange(agent, 'capabilities');
    }
    const moment = { order, at: report.receivedAt };
    for (const [field, body] of wholeSubMessages(scan)) foldSubMessage(agent, field, body, moment, read);
    if (report.componentsContent.length > 0) {
      const content = { hash: Buffer.from(report.componentsContent), body: null };
      agent.availableComponents = later(agent.availableComponents, content, order);
    }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    read.note(error.message);
  }
}

/** Each field once: one that was sent in parts is read as a whole. */
function wholeSubMessages(scan: AgentToServerScan): [field: number, body: Uint8Array][] {
  const fields = new Set(scan.subMessages.map(({ field }) => field));
  return Array.from(fields, (field) => [field, subMessageBody(scan, field)!]);
}

function foldSubMessage(
  agent: FoldedAgent,
  field: number,
  body: Uint8Array,
  moment: Moment,
  { large, note }: Read,
): void {
  try {
    if (isReadField(field))
      foldReading(agent, field, large?.get(field) ?? readSubMessage(field, agent.uid, body), moment, note);
    // One-shot fields (agent_disconnect, custom_message, …) are no state, so they have no fold.
    else contentFolds[field]?.(agent, body, moment.order);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    note(error.message);
  }
}

function foldReading<F extends ReadField>(
  agent: FoldedAgent,
  field: F,
  reading: Reading<F> | Error,
  moment: Moment,
  note: Note,
): void {
  if (reading instanceof Error) return note(`${agentToServerFieldName(field)}: ${reading.message}`);
  if (reading.isChanged) note(`${agentToServerFieldName(field)}: changed to fit the database`);
  readingFolds[field](agent, reading.value, moment);
}

interface Moment {
  order: Order;
  /** Unix milliseconds. */
  at: number;
}

/** Puts what was read of a sub-message where it belongs. */
const readingFolds: {
  [F in ReadField]: (agent: FoldedAgent, value: Readings[F], moment: Moment) => void;
} = {
  [subMessageField.agentDescription]: (agent, value, { order }) => {
    agent.description = later(agent.description, value, order);
    addChange(agent, 'description');
  },
  [subMessageField.health]: (agent, value, { order }) => {
    agent.health = later(agent.health, value, order);
    addChange(agent, 'health');
  },
  [subMessageField.customCapabilities]: (agent, value, { order }) => {
    agent.customCapabilities = later(agent.customCapabilities, value, order);
    addChange(agent, 'capabilities');
  },
  [subMessageField.connectionSettingsStatus]: (agent, value, { order }) => {
    agent.connectionSettingsStatus = later(agent.connectionSettingsStatus, value, order);
  },
  [subMessageField.remoteConfigStatus]: (agent, value, { order, at }) => {
    const { hash, status, error } = value;
    agent.remoteConfigStatus = later(agent.remoteConfigStatus, value, order);
    addChange(agent, 'configStatus');
    if (hash.length === 0) return;
    if (status === configStatus.applied) agent.applied = later(agent.applied, { hash, at }, order);
    if (status === configStatus.failed) addFailure(agent.failures, { hash, error, failedAt: at });
  },
};

/** Contents are searched where they are stored, each once. */
const contentFolds: Record<number, (agent: FoldedAgent, body: Uint8Array, order: Order) => void> = {
  [subMessageField.effectiveConfig]: (agent, body, order) => {
    agent.effectiveConfig = later(agent.effectiveConfig, contentOf(body), order);
    addChange(agent, 'effectiveConfig');
  },
  [subMessageField.availableComponents]: (agent, body, order) => {
    agent.availableComponents = later(agent.availableComponents, contentOf(body), order);
    addChange(agent, 'components');
  },
  [subMessageField.packageStatuses]: (agent, body, order) => {
    agent.packageStatuses = later(agent.packageStatuses, contentOf(body), order);
    addChange(agent, 'packages');
  },
};

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
