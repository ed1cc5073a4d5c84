import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { named } from '../http/schemas.ts';
import type { Operation } from '../http/operation.ts';
import type { ApiSettings } from '../settings.ts';

export const opampEndpointResource = named(
  'OpampEndpoint',
  z.object({ url: z.string().meta({ description: 'For the configuration of agents.' }) }),
);
export type OpampEndpointResource = z.infer<typeof opampEndpointResource>;

export const opampEndpointOperations: Operation[] = [
  {
    method: 'get',
    path: '/opamp-endpoint',
    id: 'getOpampEndpoint',
    summary: 'Where agents reach Muster',
    tag: 'enrollment-tokens',
    status: 200,
    answer: opampEndpointResource,
  },
];

/**
 * Where agents reach Muster: what the setting says; without it the host that this request came to, on the port
 * of the gateway, encrypted where the gateway is or where the client's way to the API is.
 */
export function opampEndpoint(
  { host, opamp, secureCookies }: Pick<ApiSettings, 'host' | 'opamp' | 'secureCookies'>,
  headers: Pick<IncomingHttpHeaders, 'host' | 'origin'>,
): string {
  if (opamp.publicUrl !== null) return opamp.publicUrl;
  const isSecure = opamp.tls || secureCookies || (headers.origin ?? '').startsWith('https:');
  const asked = `http://${headers.host ?? ''}`;
  const hostname = URL.canParse(asked) ? new URL(asked).hostname : host;
  return `${isSecure ? 'wss' : 'ws'}://${hostname}:${opamp.port}/v1/opamp`;
}
