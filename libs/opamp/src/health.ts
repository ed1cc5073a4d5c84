import { attributesOf, wholeNumberText, type Attributes } from './attributes.ts';
import { decode } from './decode.ts';
import { ComponentHealth as Message, type ComponentHealthFields } from './opamp.ts';

/** Health of an agent or of a part of it (spec "ComponentHealth"). */
export interface ComponentHealth {
  healthy: boolean;
  /** Free text of the agent's. */
  status: string;
  lastError: string;
  /** Nanoseconds since 1970 as decimal text; "0": not running. */
  startTimeUnixNano: string;
  /** Nanoseconds since 1970 as decimal text; "0": not said. */
  statusTimeUnixNano: string;
  attributes: Attributes;
  /** By component name, to any depth. */
  components: Record<string, ComponentHealth>;
}

/** Throws `MalformedMessage`. */
export function decodeHealth(bytes: Uint8Array): ComponentHealth {
  return healthOf(decode(Message, bytes, 'health'));
}

function healthOf(message: ComponentHealthFields): ComponentHealth {
  const components = Object.entries(message.componentHealthMap ?? {});
  return {
    healthy: message.healthy ?? false,
    status: message.status ?? '',
    lastError: message.lastError ?? '',
    startTimeUnixNano: wholeNumberText(message.startTimeUnixNano),
    statusTimeUnixNano: wholeNumberText(message.statusTimeUnixNano),
    attributes: attributesOf(message.attributes),
    components: Object.fromEntries(components.map(([name, component]) => [name, healthOf(component)])),
  };
}
