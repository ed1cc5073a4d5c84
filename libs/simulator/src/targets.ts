import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import type { SimulatorOptions } from './options.ts';
import type { Target } from './websocket-connection.ts';

/** One address has 28,000 ports to connect from: on loopback, agents use several. */
const loopbackAddresses = 8;
const defaultPorts: Record<string, number> = { 'ws:': 80, 'http:': 80, 'wss:': 443, 'https:': 443 };

/** Cannot be connected to; the message says why. */
export class BadTarget extends Error {
  readonly code = 'bad-target';
}

export interface Targets {
  transport: 'websocket' | 'http';
  /** Where an agent connects to at its nth attempt. */
  of(agent: number, attempt: number): Target;
}

/** Looks the servers' addresses up once. Throws `BadTarget`. */
export async function resolveTargets(options: SimulatorOptions): Promise<Targets> {
  const all = await Promise.all(options.urls.map((url) => resolve(url, options)));
  if (all.length === 0) throw new BadTarget('there is no URL to connect to');
  const transports = new Set(options.urls.map((url) => url.startsWith('ws')));
  if (transports.size > 1) throw new BadTarget('WebSocket and HTTP URLs cannot be mixed');
  return {
    transport: transports.has(true) ? 'websocket' : 'http',
    of(agent, attempt) {
      const target = all[(agent + attempt) % all.length]!;
      if (!target.host.startsWith('127.')) return target;
      return { ...target, localAddress: `127.0.0.${1 + (agent % loopbackAddresses)}` };
    },
  };
}

async function resolve(text: string, { token, tls }: SimulatorOptions): Promise<Target> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !(url.protocol in defaultPorts))
    throw new BadTarget(`${text} is not a ws, wss, http or https URL`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const { address } = await lookup(host, { family: isIPv4(host) ? 4 : 0 }).catch(() => {
    throw new BadTarget(`${host} is not known`);
  });
  const secure = url.protocol === 'wss:' || url.protocol === 'https:';
  return {
    host: address,
    port: Number(url.port) || defaultPorts[url.protocol]!,
    path: `${url.pathname}${url.search}`,
    secure,
    tls: secure ? { ...tls, ...(host !== address && { servername: host }) } : {},
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  };
}
