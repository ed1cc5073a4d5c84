import { expect, test } from 'vitest';
import { defaultEndpoint } from './default-endpoint.ts';

test('the endpoint is on the host of the page, encrypted where the page is', () => {
  expect(defaultEndpoint({ protocol: 'http:', hostname: 'muster.example' })).toBe(
    'ws://muster.example:4320/v1/opamp',
  );
  expect(defaultEndpoint({ protocol: 'https:', hostname: '[::1]' })).toBe('wss://[::1]:4320/v1/opamp');
});
