import { attributesOf, type Attributes } from './attributes.ts';
import { decode } from './decode.ts';
import { AvailableComponents as Message, type ComponentDetailsFields } from './opamp.ts';

/** What an agent is built of (spec "AvailableComponents"). */
export interface AvailableComponents {
  /** The agent's own hash of the list, hex. */
  hash: string;
  /** Empty when the agent sent the hash alone. */
  components: Record<string, ComponentDetails>;
}

export interface ComponentDetails {
  metadata: Attributes;
  components: Record<string, ComponentDetails>;
}

/** Throws `MalformedMessage`. */
export function decodeAvailableComponents(bytes: Uint8Array): AvailableComponents {
  const message = decode(Message, bytes, 'available_components');
  return { hash: Buffer.from(message.hash).toString('hex'), components: componentsOf(message.components) };
}

function componentsOf(
  components: Record<string, ComponentDetailsFields> | null | undefined,
): Record<string, ComponentDetails> {
  const entries = Object.entries(components ?? {});
  return Object.fromEntries(entries.map(([name, details]) => [name, detailsOf(details)]));
}

function detailsOf(details: ComponentDetailsFields): ComponentDetails {
  return { metadata: attributesOf(details.metadata), components: componentsOf(details.subComponentMap) };
}
