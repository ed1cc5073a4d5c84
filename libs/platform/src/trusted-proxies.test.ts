import { expect, it } from 'vitest';
import { TrustedProxies } from './trusted-proxies.ts';

const proxies = new TrustedProxies(['10.0.0.0/8', '192.168.1.7', 'fd00::/8']);
const nobody = new TrustedProxies([]);

it.each([
  ['10.1.2.3', true],
  ['11.1.2.3', false],
  ['192.168.1.7', true],
  ['192.168.1.8', false],
  ['fd12:0000:0000:0000:0000:0000:0000:0001', true],
  ['2001:db8::1', false],
  ['', false],
  ['nonsense', false],
])('trusts %s: %s', (address, trusted) => {
  expect(proxies.trusts(address)).toBe(trusted);
  expect(nobody.trusts(address)).toBe(false);
});

it.each([
  // peer, PROXY protocol, X-Forwarded-For, client
  ['203.0.113.1', '198.51.100.1', '198.51.100.2', '203.0.113.1'],
  ['10.0.0.1', '', '', '10.0.0.1'],
  ['10.0.0.1', '198.51.100.1', '', '198.51.100.1'],
  ['10.0.0.1', '198.51.100.1', '8.8.8.8', '198.51.100.1'],
  ['10.0.0.1', '', '8.8.8.8, 198.51.100.2', '198.51.100.2'],
  ['10.0.0.1', '', '8.8.8.8, 198.51.100.2, 10.9.9.9', '198.51.100.2'],
  ['10.0.0.1', '10.0.0.2', '198.51.100.2', '198.51.100.2'],
  ['10.0.0.1', '', 'unknown', '10.0.0.1'],
  ['10.0.0.1', '', '198.51.100.2:1234', '10.0.0.1'],
  ['0000:0000:0000:0000:0000:ffff:0a00:0001', '', '2001:db8::5', '2001:db8::5'],
  ['fd00::1', '', '10.0.0.9', '10.0.0.9'],
])(
  'a request from %s, by PROXY from %s, forwarded for "%s", is of %s',
  (peer, proxied, forwardedFor, client) => {
    expect(proxies.clientOf({ peer, proxied, forwardedFor })).toBe(client);
  },
);

it('trusts nobody unless told', () => {
  const said = { peer: '10.0.0.1', proxied: '198.51.100.1', forwardedFor: '198.51.100.2' };
  expect(nobody.clientOf(said)).toBe('10.0.0.1');
});
