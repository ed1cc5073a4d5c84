import { expect, it } from 'vitest';
import { agentCapability, capabilityBits, capabilityNames, hasCapability } from './capabilities.ts';

it('turns bits into names and back', () => {
  const bits = 0x1 | 0x400 | 0x8000;
  expect(capabilityNames(bits)).toEqual([
    'ReportsStatus',
    'AcceptsRestartCommand',
    'ReportsConnectionSettingsStatus',
  ]);
  expect(capabilityBits(capabilityNames(bits))).toBe(bits);
});

it('leaves unknown bits and names out', () => {
  expect(capabilityNames(2 ** 40 + 2)).toEqual(['AcceptsRemoteConfig']);
  expect(capabilityBits(['AcceptsRemoteConfig', 'Flies'])).toBe(2);
  expect(hasCapability(2 ** 52 + 2, agentCapability.AcceptsRemoteConfig)).toBe(true);
  expect(hasCapability(2 ** 52 + 1, agentCapability.AcceptsRemoteConfig)).toBe(false);
});
