import { expect, it } from 'vitest';
import { MalformedMessage } from './errors.ts';
import { ComponentHealth } from './opamp.ts';
import { scanHealth } from './scan-health.ts';

const scan = (fields: Parameters<typeof ComponentHealth.encode>[0]) =>
  scanHealth(ComponentHealth.encode(fields).finish());

it('reads what the agent says of itself', () => {
  expect(scan({})).toEqual({ healthy: false, hasError: false, started: false });
  expect(scan({ healthy: true, startTimeUnixNano: 256, status: 'ok' })).toEqual({
    healthy: true,
    hasError: false,
    started: true,
  });
  expect(scan({ lastError: 'boom', startTimeUnixNano: 0 })).toMatchObject({ hasError: true, started: false });
});

it('takes no component for the whole', () => {
  const componentHealthMap = { receiver: { healthy: true, lastError: 'boom', startTimeUnixNano: 7 } };
  expect(scan({ componentHealthMap })).toEqual({ healthy: false, hasError: false, started: false });
});

it('refuses bytes that are cut short', () => {
  const bytes = ComponentHealth.encode({ lastError: 'boom' }).finish().subarray(0, -1);
  expect(() => scanHealth(bytes)).toThrow(new MalformedMessage('is cut short', 'health'));
});
