import { expect, test } from 'vitest';
import type { ConfigurationStatus } from './agent.ts';
import { configurationSteps } from './configuration-progress.ts';

function text(status: ConfigurationStatus, healthy: boolean | null) {
  return configurationSteps(status, healthy)
    .map(({ label, state }) => `${label}:${state}`)
    .join(' ');
}

test.each<[ConfigurationStatus, boolean | null, string]>([
  ['none', true, ''],
  ['deferred', true, 'offered:todo applying:todo applied:todo healthy:todo'],
  ['offered', true, 'offered:current applying:todo applied:todo healthy:todo'],
  ['applying', true, 'offered:done applying:current applied:todo healthy:todo'],
  ['applied', true, 'offered:done applying:done applied:done healthy:done'],
  ['applied', false, 'offered:done applying:done applied:done unhealthy:failed'],
  ['applied', null, 'offered:done applying:done applied:done healthy:todo'],
  ['failed', true, 'offered:done failed:failed'],
])('%s with healthy=%s', (status, healthy, steps) => {
  expect(text(status, healthy)).toBe(steps);
});
