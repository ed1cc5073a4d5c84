import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { mergeOverlays } from './overlays.ts';

const base = `# kept
receivers:
  otlp: {protocols: {grpc: {endpoint: 0.0.0.0:4317}}} # also kept
exporters:
  debug:
  otlp: &out {endpoint: "\${env:GATEWAY}", timeout: 5s}
  spare: *out
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [otlp]}
`;
const merge = (...overlays: string[]) =>
  mergeOverlays(
    { place: 'body', text: base },
    overlays.map((text, index) => ({ place: `overlays[${index}]`, text })),
  );

it('merges mappings by key and replaces the rest, in order', () => {
  const text = merge(
    'exporters: {otlp: {timeout: 9s}, file: {path: /tmp/x}}\nservice: {pipelines: {logs: {receivers: [a, b]}}}',
    'exporters: {otlp: {timeout: 11s}}',
    '# nothing\n',
  );
  expect(parse(text)).toEqual({
    receivers: { otlp: { protocols: { grpc: { endpoint: '0.0.0.0:4317' } } } },
    exporters: {
      debug: null,
      otlp: { endpoint: '${env:GATEWAY}', timeout: '11s' },
      spare: { endpoint: '${env:GATEWAY}', timeout: '11s' },
      file: { path: '/tmp/x' },
    },
    service: { pipelines: { logs: { receivers: ['a', 'b'], exporters: ['otlp'] } } },
  });
  expect(text).toContain('# kept');
  expect(text).toContain('# also kept');
});

it('takes out what is tagged !remove, and appends what is tagged !append', () => {
  const merged = parse(
    merge(
      'exporters: {debug: !remove , spare: !remove }\nservice: {pipelines: {logs: {exporters: !append [debug]}}}',
    ),
  );
  expect(Object.keys(merged.exporters)).toEqual(['otlp']);
  expect(merged.service.pipelines.logs.exporters).toEqual(['otlp', 'debug']);
});

it('an alias that is changed does not change its anchor, and anchors of overlays stay their own', () => {
  const merged = parse(
    merge('exporters: {spare: {timeout: 1s}}', 'x: &out [1]\ny: *out\nservice: {z: *out}'),
  );
  expect(merged.exporters.otlp.timeout).toBe('5s');
  expect(merged.exporters.spare.timeout).toBe('1s');
  expect(merged.y).toEqual([1]);
  expect(merged.service.z).toEqual([1]);
});

it('names the text that cannot be merged', () => {
  expect(() => merge('a: 1', 'b: [')).toThrow(/^overlays\[1\]: /);
  expect(() => merge('- a')).toThrow('overlays[0]: an overlay is a mapping');
});
