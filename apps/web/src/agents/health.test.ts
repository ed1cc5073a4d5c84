import { expect, test } from 'vitest';
import type { ComponentHealth } from './agent.ts';
import { hasUnhealthyPart, nanosToDateTime } from './health.ts';

function health(healthy: boolean, components: Record<string, ComponentHealth> = {}): ComponentHealth {
  return { healthy, status: '', lastError: '', startTimeUnixNano: '0', components };
}

test('an unhealthy part is found at any depth', () => {
  expect(hasUnhealthyPart(health(true, { a: health(true) }))).toBe(false);
  expect(hasUnhealthyPart(health(true, { a: health(true, { b: health(false) }) }))).toBe(true);
  expect(hasUnhealthyPart(health(false))).toBe(true);
});

test('nanoseconds become a time to the millisecond', () => {
  expect(nanosToDateTime('1767225600123456789')).toBe('2026-01-01T00:00:00.123Z');
});

test.each(['0', '', 'soon', '99999999999999999999999999'])('%j is no time', (text) => {
  expect(nanosToDateTime(text)).toBeNull();
});
