import { expect, it } from 'vitest';
import { plainAddress } from './remote-address.ts';

it.each([
  ['127.0.0.1', '127.0.0.1'],
  ['0000:0000:0000:0000:0000:ffff:0a01:02ff', '10.1.2.255'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:0db8:0000:0000:0000:0000:0000:0001'],
])('shows %s as %s', (text, shown) => {
  expect(plainAddress(text)).toBe(shown);
});
