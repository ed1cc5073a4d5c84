import { configStatus } from '@muster/opamp/opamp';
import { decodeRemoteConfigStatus } from '@muster/opamp/config-status';
import { checkSubMessages } from '@muster/opamp/message-shapes';
import { subMessageBody, subMessageField, type AgentToServerScan } from '@muster/opamp/scan-agent-to-server';
import { statePartsOf, type StatePart } from './fingerprints.ts';
import type { Session } from './session.ts';
import type { SessionRecord } from './session-record.ts';

const capabilitiesTag = 0x20;

/** The parts of a message that say something other than what the agent last reported. */
export function newsIn(scan: AgentToServerScan, record: SessionRecord): StatePart[] {
  return statePartsOf(scan).filter((part) => !record.hasFingerprint(part.slot, part.fingerprint));
}

/** Throws `MalformedMessage` when a sub-message could not be decoded downstream. */
export function checkEverything(scan: AgentToServerScan): void {
  checkSubMessages(scan.bytes, scan.subMessages);
}

/** The same for the news alone: what is known already was checked once. */
export function checkNews(scan: AgentToServerScan, news: readonly StatePart[]): void {
  const unchecked = scan.subMessages.filter(({ field }) => news.some((part) => part.field === field));
  if (unchecked.length > 0) checkSubMessages(scan.bytes, unchecked);
}

/**
 * What of a message goes on to inventory: an AgentToServer of the news, in the agent's own bytes, and of
 * the capabilities when they changed. Empty when there is nothing.
 */
export function forwardedBytes(
  scan: AgentToServerScan,
  news: readonly StatePart[],
  session: Session,
): Uint8Array {
  const pieces = scan.subMessages
    .filter(({ field }) => news.some((part) => part.field === field))
    .map(({ start, end }) => scan.bytes.subarray(start, end));
  if (scan.capabilities !== 0 && scan.capabilities !== session.capabilities) {
    pieces.push(capabilitiesField(scan.capabilities));
  }
  return pieces.length === 0 ? nothing : joined(pieces);
}

const nothing = new Uint8Array(0);

const slabBytes = 256 * 1024;
let slab = Buffer.alloc(0);
let slabUsed = 0;

/**
 * The pieces in one. What is reported in one burst lives as long as each other, so many share a slab: memory
 * of its own costs each as much as the rest of its way through here.
 */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (size > slabBytes / 8) return Buffer.concat(pieces, size);
  if (slabUsed + size > slab.length) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    slabUsed = 0;
  }
  const start = slabUsed;
  for (const piece of pieces) {
    slab.set(piece, slabUsed);
    slabUsed += piece.length;
  }
  return slab.subarray(start, slabUsed);
}

function capabilitiesField(capabilities: number): Uint8Array {
  const bytes = [capabilitiesTag];
  let rest = capabilities;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Notes in the record what the agent reported, so that the same is not news again. */
export function rememberNews(
  scan: AgentToServerScan,
  news: readonly StatePart[],
  record: SessionRecord,
): void {
  for (const { slot, fingerprint } of news) record.setFingerprint(slot, fingerprint);
  if (news.some(({ field }) => field === subMessageField.remoteConfigStatus)) {
    const status = decodeRemoteConfigStatus(subMessageBody(scan, subMessageField.remoteConfigStatus)!);
    record.statusKnown = true;
    record.setReported(status.lastRemoteConfigHash);
    record.applying = status.status === configStatus.applying;
    // The offer is concluded: an agent that has another configuration after all is offered it at once.
    if (status.status === configStatus.applied && record.wasOffered(status.lastRemoteConfigHash)) {
      record.forgetOffered();
    }
    if (status.status === configStatus.failed) record.addFailed(status.lastRemoteConfigHash);
  }
}
