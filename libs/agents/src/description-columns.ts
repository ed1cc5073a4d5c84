import type { AttributeValue, Attributes } from '@muster/opamp/attributes';
import { decodeAgentDescription, type AgentDescription } from '@muster/opamp/description';
import { subMessageField } from '@muster/opamp/scan-agent-to-server';
import { scanTextAttributes } from '@muster/opamp/scan-description';
import type { AgentId } from './agent-id.ts';
import { cleanText, columnJson, maxJson } from './column-text.ts';
import { mayHoldCredentials } from './description-redaction.ts';
import { redactSubMessage } from './text-redaction.ts';

/** What `agents` keeps of an AgentDescription to find and list agents by. */
export interface DescriptionColumns {
  name: string;
  type: string;
  version: string;
  os: string;
  arch: string;
  hostname: string;
  /** JSON text: attribute → text, what selectors match. */
  attributes: string;
}

/** Longest name, type, version, … that is shown. */
const maxName = 255;
/** What can be selected by of a description that is too large: short values, and this many of them. */
const largeDescription = { valueLength: 1024, attributes: 1000 };

/** A description as it is stored, without the credentials that its attributes may hold, and its columns. */
export interface StoredDescription extends DescriptionColumns {
  body: Uint8Array;
}

/**
 * Columns of a description: `name` is host.name, else service.name, else the uid. Of a key that is
 * identifying and not, the identifying value counts. `changed` is called when not all attributes could
 * be kept as they are. Throws `MalformedMessage`.
 */
export function describeAgent(uid: AgentId, description: Uint8Array, changed: () => void): StoredDescription {
  let body = description;
  let { values, plain } = valuesOf(body);
  // Bytes are in none of the texts.
  if (!plain || mayHoldCredentials(values)) {
    body = redactSubMessage(subMessageField.agentDescription, description);
    ({ values, plain } = valuesOf(body));
  }
  const text = (key: string) => cleanText(values.get(key) ?? '', maxName);
  const attributes = fit(values, plain ? { text: plainJson(values), changed: false } : jsonOf(values));
  if (attributes.changed) changed();
  const hostname = text('host.name');
  const type = text('service.name');
  return {
    body,
    name: hostname || type || uid,
    type,
    version: text('service.version'),
    os: text('os.type'),
    arch: text('host.arch'),
    hostname,
    attributes: attributes.text,
  };
}

/** `plain`: no text needs an escape in JSON. */
function valuesOf(description: Uint8Array): { values: Map<string, string>; plain: boolean } {
  const plain = scanTextAttributes(description);
  return { values: plain ?? textsOf(decodeAgentDescription(description)), plain: plain !== null };
}

function textsOf(description: AgentDescription): Map<string, string> {
  const all: Attributes = { ...description.nonIdentifyingAttributes, ...description.identifyingAttributes };
  return new Map(Object.entries(all).map(([key, value]) => [key, attributeText(value)]));
}

/** An attribute's value as selectors see it: text as it is, anything else as JSON, unset as empty. */
function attributeText(value: AttributeValue): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(value);
}

interface ColumnJson {
  text: string;
  changed: boolean;
}

function fit(values: ReadonlyMap<string, string>, json: ColumnJson): ColumnJson {
  if (json.text.length <= maxJson) return json;
  const { valueLength, attributes } = largeDescription;
  const short = [...values].filter(([key, value]) => key.length + value.length <= valueLength);
  return { ...jsonOf(new Map(short.slice(0, attributes))), changed: true };
}

function jsonOf(values: ReadonlyMap<string, string>): ColumnJson {
  return columnJson(Object.fromEntries(values));
}

/** For texts that need no escape. */
function plainJson(values: ReadonlyMap<string, string>): string {
  let json = '';
  for (const [key, value] of values) json += `${json === '' ? '{' : ','}"${key}":"${value}"`;
  return json === '' ? '{}' : `${json}}`;
}
