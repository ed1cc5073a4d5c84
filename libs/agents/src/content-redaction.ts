import { subMessageField } from '@muster/opamp/scan-agent-to-server';
import { redactEffectiveConfig, type RedactedConfig } from './effective-config-redaction.ts';
import { redactSubMessage } from './text-redaction.ts';

/** Sub-messages that are stored once for all agents that say the same. */
export type ContentField =
  | typeof subMessageField.effectiveConfig
  | typeof subMessageField.availableComponents
  | typeof subMessageField.packageStatuses;

export type RedactedContent = RedactedConfig;

/** A content without the credentials that were in it. Throws `MalformedMessage`. */
export function redactContent(field: ContentField, body: Uint8Array): RedactedContent {
  if (field === subMessageField.effectiveConfig) {
    return redactEffectiveConfig(body) ?? { body, findings: [], omitted: 0 };
  }
  return { body: redactSubMessage(field, body), findings: [], omitted: 0 };
}
