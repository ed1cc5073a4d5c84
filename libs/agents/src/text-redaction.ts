import { decode } from '@muster/opamp/decode';
import {
  AgentDescription,
  AvailableComponents,
  ComponentHealth,
  ConnectionSettingsStatus,
  CustomCapabilities,
  PackageStatuses,
  RemoteConfigStatus,
  type AnyValueFields,
  type KeyValueFields,
} from '@muster/opamp/opamp';
import { textLinesOf } from '@muster/opamp/message-shapes';
import { subMessageField } from '@muster/opamp/scan-agent-to-server';
import {
  findCredentials,
  findCredentialsInMessage,
  findCredentialsInValue,
  redact,
  redactMessage,
} from './credential-shapes.ts';
import { mayEndSecretName } from './secret-names.ts';
import { unusedName } from './unused-name.ts';

interface MessageType {
  decode(bytes: Uint8Array): object;
  encode(message: never): { finish(): Uint8Array };
}

/** Sub-messages of AgentToServer of which anything is kept; an EffectiveConfig is searched file by file. */
const types: Readonly<Record<number, readonly [type: MessageType, field: string]>> = {
  [subMessageField.agentDescription]: [AgentDescription, 'agent_description'],
  [subMessageField.health]: [ComponentHealth, 'health'],
  [subMessageField.remoteConfigStatus]: [RemoteConfigStatus, 'remote_config_status'],
  [subMessageField.packageStatuses]: [PackageStatuses, 'package_statuses'],
  [subMessageField.customCapabilities]: [CustomCapabilities, 'custom_capabilities'],
  [subMessageField.connectionSettingsStatus]: [ConnectionSettingsStatus, 'connection_settings_status'],
  [subMessageField.availableComponents]: [AvailableComponents, 'available_components'],
};

/**
 * A sub-message of AgentToServer with `[REDACTED:<kind>]` for each credential in any of its texts: values and names,
 * at any depth. What this version of the protocol does not know is left out. Throws `MalformedMessage`.
 */
export function redactSubMessage(field: number, body: Uint8Array): Uint8Array {
  const lines = textLinesOf(field, body);
  if (lines !== null && areHarmless(lines)) return body;
  const [type, name] = types[field]!;
  const message = decode(type, body, name);
  const clean = mayHoldCredentials(message) ? redacted(message) : message;
  return type.encode(clean as never).finish();
}

/** One search over all texts costs a fraction of one each. False: it is certain that there are none. */
function mayHoldCredentials(message: object): boolean {
  const texts: string[] = [];
  return collect(message, texts) || !areHarmless(texts.join('\n'));
}

/** Texts on lines of their own; quotes and brackets could change what the next line means. */
function areHarmless(lines: string): boolean {
  return !/["'{[|>\\]/.test(lines) && findCredentialsInMessage(lines).length === 0;
}

/** True: there is something that has to be looked at for itself. */
function collect(value: unknown, texts: string[]): boolean {
  if (typeof value === 'string') {
    texts.push(value);
    return false;
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  if (isKeyValue(value)) {
    // A value is more than a message: it has a name, and no word has to end it.
    const { key, value: inner } = value;
    if (mayEndSecretName(key, key.length - 1) || typeof inner?.stringValue !== 'string') return true;
    if (inner.stringValue.length > mostPlain || /[:=@\s]/.test(inner.stringValue)) return true;
    texts.push(key, inner.stringValue);
    return false;
  }
  if (Array.isArray(value)) return value.some((item) => collect(item, texts));
  for (const name of Object.keys(value)) {
    texts.push(name);
    if (collect((value as Record<string, unknown>)[name], texts)) return true;
  }
  return false;
}

/** A value of one word that is not longer holds no credential but such as a message shows too. */
const mostPlain = 256;

function isKeyValue(value: object): value is { key: string; value?: AnyValueFields | null } {
  return 'key' in value && typeof value.key === 'string';
}

/** The same object where nothing in it changed. */
function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactMessage(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    const items = value.map(redacted);
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (isKeyValue(value)) return redactKeyValue(value);
  let isChanged = false;
  const members = new Map<string, unknown>();
  const copies = new Map<string, number>();
  for (const [name, member] of Object.entries(value)) {
    const clean = redacted(member);
    const cleanName = redactMessage(name);
    isChanged ||= clean !== member || cleanName !== name;
    members.set(unusedName(cleanName, members, copies), clean);
  }
  return isChanged ? Object.fromEntries(members) : value;
}

function redactKeyValue(attribute: KeyValueFields): KeyValueFields {
  const key = attribute.key ?? '';
  const value = attribute.value ? redactValue(key, attribute.value) : null;
  const cleanKey = redact(key, findCredentials(key));
  return cleanKey === key && (value === null || value === attribute.value)
    ? attribute
    : { key: cleanKey, value };
}

/** Members of a list are called as the list is. */
function redactValue(key: string, value: AnyValueFields): AnyValueFields {
  const { stringValue, bytesValue, arrayValue, kvlistValue } = value;
  if (typeof stringValue === 'string') {
    const findings = findCredentialsInValue(key, stringValue);
    return findings.length === 0 ? value : { stringValue: redact(stringValue, findings) };
  }
  if (bytesValue) {
    const text = Buffer.from(bytesValue).toString('latin1');
    const findings = findCredentialsInValue(key, text);
    return findings.length === 0 ? value : { bytesValue: Buffer.from(redact(text, findings), 'latin1') };
  }
  if (arrayValue) {
    const values = arrayValue.values ?? [];
    const clean = values.map((item) => redactValue(key, item));
    return clean.some((item, index) => item !== values[index]) ? { arrayValue: { values: clean } } : value;
  }
  if (!kvlistValue) return value;
  const values = kvlistValue.values ?? [];
  const clean = values.map(redactKeyValue);
  return clean.some((item, index) => item !== values[index]) ? { kvlistValue: { values: clean } } : value;
}
