import { decode } from '@muster/opamp/decode';
import { ComponentHealth, type ComponentHealthFields } from '@muster/opamp/opamp';
import { findCredentialsInMessage, redactMessage } from './credential-shapes.ts';

/**
 * A ComponentHealth whose texts and names of components quote no credentials; the bytes that came when they quote none. Throws
 * `MalformedMessage`.
 */
export function redactHealth(body: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = body;
  const bytes = Buffer.from(buffer, byteOffset, length).toString('latin1');
  // Control characters are the protobuf around the texts.
  if (findCredentialsInMessage(bytes.replaceAll(/\p{Cc}/gu, '\n')).length === 0) return body;
  return ComponentHealth.encode(redacted(decode(ComponentHealth, body, 'health'))).finish();
}

function redacted(health: ComponentHealthFields): ComponentHealthFields {
  const components = Object.entries(health.componentHealthMap ?? {});
  return {
    ...health,
    lastError: redactMessage(health.lastError ?? ''),
    status: redactMessage(health.status ?? ''),
    componentHealthMap: Object.fromEntries(
      components.map(([name, part]) => [redactMessage(name), redacted(part)]),
    ),
  };
}
