import { expect, test } from 'vitest';
import { supervisorYaml } from './supervisor-yaml.ts';

test('endpoint and secret are where the supervisor reads them', () => {
  const yaml = supervisorYaml('ws://muster.example:4320/v1/opamp', 'mst_secret');
  expect(yaml).toMatch(/^server:\n {2}endpoint: ws:\/\/muster\.example:4320\/v1\/opamp$/m);
  expect(yaml).toMatch(/^ {2}headers:\n {4}Authorization: Bearer mst_secret$/m);
});
