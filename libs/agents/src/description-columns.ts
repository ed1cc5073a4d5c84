import type { AttributeValue, Attributes } from '@muster/opamp/attributes';
import type { AgentDescription } from '@muster/opamp/description';
import type { AgentId } from './agent-id.ts';
import { cleanText, columnJson, maxJson } from './column-text.ts';

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

/**
 * Columns of a description: `name` is host.name, else service.name, else the uid. Of a key that is
 * identifying and not, the identifying value counts. `changed` is called when not all attributes could
 * be kept as they are.
 */
export function describeAgent(
  uid: AgentId,
  description: AgentDescription,
  changed: () => void,
): DescriptionColumns {
  const values = textsOf({ ...description.nonIdentifyingAttributes, ...description.identifyingAttributes });
  const text = (key: string) => cleanText(Object.hasOwn(values, key) ? values[key]! : '', maxName);
  const attributes = fit(values);
  if (attributes.changed) changed();
  const hostname = text('host.name');
  const type = text('service.name');
  return {
    name: hostname || type || uid,
    type,
    version: text('service.version'),
    os: text('os.type'),
    arch: text('host.arch'),
    hostname,
    attributes: attributes.text,
  };
}

function textsOf(attributes: Attributes): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeText(value)]));
}

/** An attribute's value as selectors see it: text as it is, anything else as JSON, unset as empty. */
function attributeText(value: AttributeValue): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(value);
}

function fit(values: Record<string, string>): { text: string; changed: boolean } {
  const json = columnJson(values);
  if (json.text.length <= maxJson) return json;
  const { valueLength, attributes } = largeDescription;
  const short = Object.entries(values).filter(([key, value]) => key.length + value.length <= valueLength);
  return { ...columnJson(Object.fromEntries(short.slice(0, attributes))), changed: true };
}
