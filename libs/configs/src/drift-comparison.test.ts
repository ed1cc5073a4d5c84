import { expect, test } from 'vitest';
import { lackingPaths } from './drift-comparison.ts';

const rendered = `
receivers: {otlp: {protocols: {grpc: , http: {endpoint: 0.0.0.0:4318}}}}
processors: {batch: {timeout: 5s, send_batch_size: 100}}
exporters:
  otlp: {endpoint: "\${env:WHERE}", headers: {api-key: "\${env:KEY}"}}
  debug:
service:
  extensions: [health_check]
  pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [otlp, debug]}}
`;

const compared = (reported: string, expected = rendered) => lackingPaths({ '': expected }, { '': reported });

test('the same is no difference, in whatever notation', () => {
  expect(compared(rendered)).toEqual([]);
  expect(compared(rendered.replace('grpc: ,', 'grpc: {},').replace('size: 100', 'size: "100"'))).toEqual([]);
});

test('what others add is no difference', () => {
  const more = rendered
    .replace(
      'extensions: [health_check]',
      'extensions: [opamp, health_check]\n  telemetry: {metrics: {level: none}}',
    )
    .replace('debug:', 'debug: {verbosity: basic}\n  other: {x: 1}');
  expect(compared(more)).toEqual([]);
});

test('values that hosts resolve and redacted ones are not compared', () => {
  const resolved = rendered
    .replace('"${env:WHERE}"', 'host:4317')
    .replace('"${env:KEY}"', '[REDACTED:api-key]');
  expect(compared(resolved)).toEqual([]);
  const literal = rendered.replace('"${env:KEY}"', 'literal');
  expect(compared(rendered.replace('"${env:KEY}"', "'[REDACTED]'"), literal)).toEqual([]);
  expect(compared(rendered.replace('"${env:KEY}"', 'Bearer [REDACTED:bearer-token]'), literal)).toEqual([]);
});

test.each([
  ['0.0.0.0:4318', '0.0.0.0:9999', 'receivers.otlp.protocols.http.endpoint'],
  ['grpc: ,', '', 'receivers.otlp.protocols.grpc'],
  ['  debug:', '', 'exporters.debug'],
  ['timeout: 5s', 'timeout: 6s', 'processors.batch.timeout'],
  ['batch: {timeout: 5s, send_batch_size: 100}', 'batch: ', 'processors.batch'],
  ['[otlp, debug]', '[otlp]', 'service.pipelines.traces.exporters'],
  ['[otlp, debug]', '[otlp, debug, x]', 'service.pipelines.traces.exporters'],
  ['[health_check]', '[opamp]', 'service.extensions'],
  ['endpoint: "${env:WHERE}", ', '', 'exporters.otlp.endpoint'],
])('%j reported as %j is a difference at %s', (from, to, path) => {
  expect(compared(rendered.replace(from, to))).toEqual([path]);
});

test('files are merged by key on both sides', () => {
  const parts = { a: 'x: {y: 1, z: 1}', b: 'x: {z: 2}' };
  expect(lackingPaths(parts, { effective: 'x: {y: 1, z: 2}' })).toEqual([]);
  expect(lackingPaths(parts, { effective: 'x: {y: 1, z: 1}' })).toEqual(['x.z']);
  expect(lackingPaths({ '': 'a: 1' }, { a: 'b: 1', b: 'a: 1' })).toEqual([]);
});

test('the first ten paths are told', () => {
  const many = Array.from({ length: 30 }, (_, i) => `k${i}: 1`).join('\n');
  expect(lackingPaths({ '': many }, { '': 'x: 1' })).toHaveLength(10);
});

test.each(['a: [', '', '# nothing', 'a: *b'])('nothing is said of what cannot be read: %j', (text) => {
  expect(compared(text)).toBeNull();
});
