import { decodeConnectionSettingsStatus, decodeRemoteConfigStatus } from '@muster/opamp/config-status';
import { decodeCustomCapabilities } from '@muster/opamp/custom-capabilities';
import { subMessageField } from '@muster/opamp/scan-agent-to-server';
import { scanHealth } from '@muster/opamp/scan-health';
import type { AgentId } from './agent-id.ts';
import { cleanText, columnJson } from './column-text.ts';
import { describeAgent, type StoredDescription } from './description-columns.ts';
import { healthyOf } from './health-verdict.ts';
import { redactSubMessage } from './text-redaction.ts';

/** What is kept of a sub-message that is stored with its agent, without the credentials that were in it. */
export interface Readings {
  readonly [subMessageField.agentDescription]: StoredDescription;
  readonly [subMessageField.health]: { body: Uint8Array; healthy: boolean | null };
  readonly [subMessageField.remoteConfigStatus]: { hash: Uint8Array; status: number; error: string };
  readonly [subMessageField.customCapabilities]: string[];
  /** JSON text. */
  readonly [subMessageField.connectionSettingsStatus]: string;
}
export type ReadField = keyof Readings;

export interface Reading<F extends ReadField = ReadField> {
  readonly value: Readings[F];
  /** Not all of it could be kept as it was. */
  readonly isChanged: boolean;
}

/** Ours have 32 bytes; an index row of PostgreSQL holds 2,700. */
const maxConfigHash = 128;

const readers: { [F in ReadField]: (body: Uint8Array, uid: AgentId, changed: () => void) => Readings[F] } = {
  [subMessageField.agentDescription]: (body, uid, changed) => describeAgent(uid, body, changed),
  [subMessageField.health]: (body) => ({
    healthy: healthyOf(scanHealth(body)),
    body: redactSubMessage(subMessageField.health, body),
  }),
  [subMessageField.remoteConfigStatus]: (body) => {
    // Agents quote the configuration they refuse.
    const clean = redactSubMessage(subMessageField.remoteConfigStatus, body);
    const { lastRemoteConfigHash, status, errorMessage } = decodeRemoteConfigStatus(clean);
    const hash = Buffer.from(lastRemoteConfigHash.subarray(0, maxConfigHash));
    return { hash, status, error: cleanText(errorMessage) };
  },
  [subMessageField.customCapabilities]: (body) =>
    decodeCustomCapabilities(redactSubMessage(subMessageField.customCapabilities, body)).map((name) =>
      cleanText(name),
    ),
  [subMessageField.connectionSettingsStatus]: (body) =>
    columnJson(
      decodeConnectionSettingsStatus(redactSubMessage(subMessageField.connectionSettingsStatus, body)),
    ).text,
};

export function isReadField(field: number): field is ReadField {
  return Object.hasOwn(readers, field);
}

/** Throws `MalformedMessage`. */
export function readSubMessage<F extends ReadField>(field: F, uid: AgentId, body: Uint8Array): Reading<F> {
  let isChanged = false;
  const value = readers[field](body, uid, () => void (isChanged = true)) as Readings[F];
  return { value, isChanged };
}
