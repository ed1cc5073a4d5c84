import { decode } from '@muster/opamp/decode';
import { AgentDescription, type AnyValueFields, type KeyValueFields } from '@muster/opamp/opamp';
import { findCredentials, findCredentialsInValue, isAuthorization, redact } from './credential-shapes.ts';
import { mayEndSecretName } from './secret-names.ts';

/** May a value of these attributes hold a credential, by its form or by its key? Nearly always not. */
export function mayHoldCredentials(attributes: ReadonlyMap<string, string>): boolean {
  let values = '';
  for (const [key, value] of attributes) {
    if (mayEndSecretName(key, key.length - 1) || isAuthorization(value)) return true;
    values += `${value}\n`;
  }
  // Once over all of them: to search each costs many times as much.
  return findCredentials(values).length > 0;
}

/**
 * An AgentDescription with `[REDACTED:<kind>]` for each credential in the values of its attributes, all else as
 * it came. Throws `MalformedMessage`.
 */
export function redactDescription(body: Uint8Array): Uint8Array {
  const description = decode(AgentDescription, body, 'agent_description');
  return AgentDescription.encode({
    identifyingAttributes: redactAll(description.identifyingAttributes),
    nonIdentifyingAttributes: redactAll(description.nonIdentifyingAttributes),
  }).finish();
}

function redactAll(attributes: readonly KeyValueFields[] | null | undefined): KeyValueFields[] {
  return (attributes ?? []).map(({ key, value }) => ({
    key: key ?? '',
    value: value ? redactValue(key ?? '', value) : null,
  }));
}

/** Members of a list are called as the list is. */
function redactValue(key: string, value: AnyValueFields): AnyValueFields {
  const { stringValue, arrayValue, kvlistValue } = value;
  if (typeof stringValue === 'string') {
    return { stringValue: redact(stringValue, findCredentialsInValue(key, stringValue)) };
  }
  if (arrayValue) {
    return { arrayValue: { values: (arrayValue.values ?? []).map((item) => redactValue(key, item)) } };
  }
  return kvlistValue ? { kvlistValue: { values: redactAll(kvlistValue.values) } } : value;
}
