import { expect, test } from 'vitest';
import { lackOf, type Files } from './drift-comparison.ts';

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

const lackingPaths = (expected: Files, reported: Files) => lackOf(expected, reported)?.paths ?? null;
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
  ['60s', '1m0s'],
  ['1500ms', '1.5s'],
  ['none', 'None'],
  ['{enabled: false}', 'null'],
  ['/var/log/x', '[/var/log/x]'],
  ['{a: b, c: d}', '[{name: c, value: d}, {name: a, value: b}]'],
  ['100', '"100"'],
])('%s and %s are the same in two notations', (written, told) => {
  const of = (value: string) => `receivers: {a: {x: ${value}}}`;
  expect(compared(of(told), of(written))).toEqual([]);
});

test('what a collector 0.149 under a supervisor reports of it is no difference', () => {
  const written = `
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:4318", cors: {allowed_origins: ["http://x"], max_age: 7200}}}}}
processors: {batch: {timeout: 90s, send_batch_size: 8192}}
exporters: {nop: , debug: {verbosity: detailed}, debug/2: {verbosity: basic}}
extensions: {health_check: {endpoint: "127.0.0.1:0"}}
service:
  extensions: [health_check]
  telemetry: {logs: {level: DEBUG, initial_fields: {a: b}}, metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [nop, debug, debug/2]}}
`;
  const told = `
connectors: {}
exporters:
    debug: {output_paths: [], sampling_initial: 2, sending_queue: null, use_internal_logger: true, verbosity: Detailed}
    debug/2: {output_paths: [], sampling_initial: 2, sending_queue: null, use_internal_logger: true}
    nop: {}
extensions:
    health_check: {component_health: null, endpoint: 127.0.0.1:0, path: /, use_v2: false, write_timeout: 0s}
    opamp: {ppid: 8272, server: {ws: {endpoint: "ws://127.0.0.1:33161/v1/opamp", tls: {insecure: true}}}}
processors:
    batch: {metadata_cardinality_limit: 1000, metadata_keys: [], send_batch_size: 8192, timeout: 1m30s}
receivers:
    otlp:
        protocols:
            grpc: null
            http:
                cors: {allowed_origins: ["http://x"], max_age: 7200}
                endpoint: 127.0.0.1:4318
                traces_url_path: /v1/traces
service:
    extensions: [opamp, health_check]
    pipelines: {traces: {exporters: [nop, debug, debug/2], processors: [batch], receivers: [otlp]}}
    telemetry:
        logs: {encoding: json, initial_fields: {a: b}, level: debug, output_paths: [stdout]}
        metrics: {level: None, readers: [{pull: {exporter: {prometheus: {port: 8888}}}}]}
        resource: {service.name: otelcol}
`;
  expect(compared(told, written)).toEqual([]);
  expect(compared(told.replace('1m30s', '1m'), written)).toEqual(['processors.batch.timeout']);
});

test('zero values may be left out within a component', () => {
  const written = 'exporters: {a: {verbosity: basic, on: false, n: 0, t: 0s, s: "", l: [], m: 1}}';
  expect(compared('exporters: {a: {}}', written)).toEqual(['exporters.a.m']);
  expect(compared('exporters: {b: {}}', 'exporters: {a: }')).toEqual(['exporters.a']);
});

test.each([
  ['60s', '61s'],
  ['{enabled: true}', 'null'],
  ['{a: b}', '[{name: a, value: c}]'],
  ['5', '5s'],
])('%s and %s are not the same', (written, told) => {
  const of = (value: string) => `receivers: {a: {x: ${value}}}`;
  expect(compared(of(told), of(written))).toHaveLength(1);
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

test('the digest tells values and all paths apart, not the order of keys', () => {
  const digest = (reported: string, expected = rendered) =>
    lackOf({ '': expected }, { '': reported })!.digest?.toString('hex') ?? null;
  const at = (timeout: string) => digest(rendered.replace('5s', timeout));
  expect(digest(rendered)).toBeNull();
  expect(at('6s')).toMatch(/^[0-9a-f]{64}$/);
  expect(at('6s')).toBe(at('6s'));
  expect(at('6s')).not.toBe(at('7s'));
  const list = 'x: {l: [{a: 1, b: 2}]}';
  expect(digest('x: {l: [{b: 2, a: 3}]}', list)).toBe(digest('x: {l: [{a: 3, b: 2}]}', list));
  const many = Array.from({ length: 30 }, (_, i) => `k${i}: 1`).join('\n');
  const last = (value: string) => digest(many.replaceAll(': 1', ': 2').replace('k29: 2', value), many);
  expect(last('k29: 3')).not.toBe(last('k29: 4'));
});

test.each(['a: [', '', '# nothing', 'a: *b'])('nothing is said of what cannot be read: %j', (text) => {
  expect(compared(text)).toBeNull();
});
