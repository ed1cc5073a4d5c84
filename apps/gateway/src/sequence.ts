import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import { hasSubMessage, subMessageField, type AgentToServerScan } from '@muster/opamp/scan-agent-to-server';

/**
 * How a message stands to the one before it (spec "Agent Status Compression"):
 * - `next`: it follows.
 * - `complete`: it does not follow, but holds the agent's full state, so nothing is missing.
 * - `repeat`: the same message again, from an agent that did not hear the answer.
 * - `bare`: a plain HTTP poll that says nothing but who polls; it has no number of its own.
 * - `late`: an HTTP message that its successor overtook; nothing of it is newer than what is known.
 * - `gap`: messages are missing; the agent must report its full state.
 */
export type SequenceVerdict = 'next' | 'complete' | 'repeat' | 'bare' | 'late' | 'gap';

export interface SequenceQuestion {
  /** The number of the last message; null when nothing is known of the agent. */
  last: number | null;
  message: AgentToServerScan;
  /** Capabilities, of the message or as last said. */
  capabilities: number;
  /** The message reports something that is not known yet. */
  bringsNews: boolean;
  /** Messages may overtake each other: plain HTTP, where a client gave up on an answer. */
  unordered: boolean;
}

/** An HTTP client has one request under way and perhaps a few that it gave up on. */
const overtakenAtMost = 3;

export function judgeSequence(question: SequenceQuestion): SequenceVerdict {
  const { last, message } = question;
  if (last === null) return isComplete(message, question.capabilities) ? 'complete' : 'gap';
  if (isBare(message)) return 'bare';
  if (message.sequenceNum === last + 1) return 'next';
  if (message.sequenceNum === last && !question.bringsNews) return 'repeat';
  if (isComplete(message, question.capabilities)) return 'complete';
  return question.unordered && mayBeOvertaken(last, message.sequenceNum) ? 'late' : 'gap';
}

/** Over plain HTTP: may the message just be late, overtaken by its successors? */
export function mayBeOvertaken(last: number, sequenceNum: number): boolean {
  const behind = last - sequenceNum;
  return behind > 0 && behind <= overtakenAtMost;
}

/** True when a message that does not follow counts anew: later reports must not look older than earlier ones. */
export function countsAnew(verdict: SequenceVerdict, last: number | null, sequenceNum: number): boolean {
  return (verdict === 'complete' || verdict === 'gap') && last !== null && sequenceNum <= last;
}

function isBare(message: AgentToServerScan): boolean {
  const { sequenceNum, capabilities, flags, subMessages } = message;
  return sequenceNum === 0 && capabilities === 0 && flags === 0 && subMessages.length === 0;
}

const promised = [
  [agentCapability.ReportsHealth, subMessageField.health],
  [agentCapability.ReportsEffectiveConfig, subMessageField.effectiveConfig],
  [agentCapability.ReportsRemoteConfig, subMessageField.remoteConfigStatus],
  [agentCapability.ReportsPackageStatuses, subMessageField.packageStatuses],
  [agentCapability.ReportsAvailableComponents, subMessageField.availableComponents],
] as const;

/** Does the message hold the description and every part that the agent's capabilities promise? */
function isComplete(message: AgentToServerScan, capabilities: number): boolean {
  return (
    hasSubMessage(message, subMessageField.agentDescription) &&
    promised.every(([bit, field]) => !hasCapability(capabilities, bit) || hasSubMessage(message, field))
  );
}
