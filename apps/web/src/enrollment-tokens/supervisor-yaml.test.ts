import { expect, test } from 'vitest';
import { defaultEndpoint, supervisorYaml } from './supervisor-yaml.ts';

test('the endpoint is on the host of the page, encrypted where the page is', () => {
  expect(defaultEndpoint({ protocol: 'http:', hostname: 'muster.example' })).toBe(
    'ws://muster.example:4320/v1/opamp',
  );
  expect(defaultEndpoint({ protocol: 'https:', hostname: '[::1]' })).toBe('wss://[::1]:4320/v1/opamp');
});

test('endpoint and secret are where the supervisor reads them', () => {
  const yaml = supervisorYaml('ws://muster.example:4320/v1/opamp', 'mst_secret');
  expect(yaml).toMatch(/^server:\n {2}endpoint: ws:\/\/muster\.example:4320\/v1\/opamp$/m);
  expect(yaml).toMatch(/^ {2}headers:\n {4}Authorization: Bearer mst_secret$/m);
});
