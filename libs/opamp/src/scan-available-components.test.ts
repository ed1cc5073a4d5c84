import { expect, it } from 'vitest';
import { AvailableComponents } from './opamp.ts';
import { scanAvailableComponents } from './scan-available-components.ts';

const hash = Uint8Array.of(7, 8);

it.each([
  ['a hash alone', { hash }, { hash, listed: false }],
  ['a list with its hash', { hash, components: { otlp: {} } }, { hash, listed: true }],
  ['nothing', {}, { hash: new Uint8Array(), listed: false }],
])('reads %s', (_, message, expected) => {
  const { hash: read, listed } = scanAvailableComponents(AvailableComponents.encode(message).finish());
  expect({ hash: Uint8Array.from(read), listed }).toEqual(expected);
});

it('refuses what is cut short', () => {
  expect(() => scanAvailableComponents(Uint8Array.of(0x12, 9, 1))).toThrow('cut short');
});
