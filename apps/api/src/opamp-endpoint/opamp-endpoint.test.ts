import { expect, it } from 'vitest';
import { opampEndpoint } from './opamp-endpoint.ts';

const settings = {
  host: '127.0.0.1',
  secureCookies: false,
  opamp: { publicUrl: null, port: 14320, tls: false },
};

it.each([
  [
    'the port that the gateway listens on',
    {},
    { host: 'muster.example:4321' },
    'ws://muster.example:14320/v1/opamp',
  ],
  ['an IPv6 address', {}, { host: '[::1]:4321' }, 'ws://[::1]:14320/v1/opamp'],
  ['the address of the server for a host that is none', {}, { host: 'a b' }, 'ws://127.0.0.1:14320/v1/opamp'],
  ['the address of the server without a host', {}, {}, 'ws://127.0.0.1:14320/v1/opamp'],
  [
    'TLS of the gateway',
    { opamp: { ...settings.opamp, tls: true } },
    { host: 'a' },
    'wss://a:14320/v1/opamp',
  ],
  ['TLS of the page', {}, { host: 'a', origin: 'https://a' }, 'wss://a:14320/v1/opamp'],
  ['TLS before the API', { secureCookies: true }, { host: 'a' }, 'wss://a:14320/v1/opamp'],
  [
    'what is set',
    { opamp: { ...settings.opamp, publicUrl: 'wss://agents.example/v1/opamp' } },
    { host: 'a', origin: 'http://a' },
    'wss://agents.example/v1/opamp',
  ],
])('has %s', (_what, changed, headers, url) => {
  expect(opampEndpoint({ ...settings, ...changed }, headers)).toBe(url);
});
