import type { AttributeValue, Attributes } from '@muster/opamp/attributes';
import type { AgentDescription } from '@muster/opamp/description';
import type { AgentId } from './agent-id.ts';
import { cleanText, columnJson, maxJson } from './column-text.ts';

/** An AgentDescription as the columns of `agents`. */
export interface DescriptionColumns {
  name: string;
  type: string;
  version: string;
  os: string;
  arch: string;
  hostname: string;
  /** JSON text: attribute → text, what selectors match. */
  attributes: string;
  /** JSON text of the AgentDescription. */
  description: string;
}

/** Longest name, type, version, … that is shown. */
const maxName = 255;
/** What stays of a description that is too large: values up to this length, and this many of them. */
const largeDescription = { valueLength: 1024, attributes: 1000 };

/**
 * What lists and selectors need of a description: `name` is host.name, else service.name, else the uid.
 * Keys are taken from identifying attributes first. `changed` is called when not all of it could be kept.
 */
export function describeAgent(
  uid: AgentId,
  description: AgentDescription,
  changed: () => void,
): DescriptionColumns {
  const kept = fit(description);
  const all = { ...kept.description.nonIdentifyingAttributes, ...kept.description.identifyingAttributes };
  const text = (key: string) => cleanText(Object.hasOwn(all, key) ? attributeText(all[key]!) : '', maxName);
  const attributes = columnJson(
    Object.fromEntries(Object.entries(all).map(([key, value]) => [key, attributeText(value)])),
  );
  if (kept.changed) changed();
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
    description: kept.json,
  };
}

/** An attribute's value as selectors see it: text as it is, anything else as JSON, unset as empty. */
export function attributeText(value: AttributeValue): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(value);
}

function fit(description: AgentDescription): { description: AgentDescription; json: string; changed: boolean } {
  const json = columnJson(description);
  if (json.text.length <= maxJson) return { description, json: json.text, changed: json.changed };
  const smaller = {
    identifyingAttributes: smallAttributes(description.identifyingAttributes),
    nonIdentifyingAttributes: smallAttributes(description.nonIdentifyingAttributes),
  };
  return { description: smaller, json: columnJson(smaller).text, changed: true };
}

function smallAttributes(attributes: Attributes): Attributes {
  const { valueLength, attributes: count } = largeDescription;
  const small = Object.entries(attributes).filter(
    ([key, value]) => key.length + attributeText(value).length <= valueLength,
  );
  return Object.fromEntries(small.slice(0, count));
}
