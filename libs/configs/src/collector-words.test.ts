import { expect, test } from 'vitest';
import { problemsOf } from './collector-words.ts';

const decoding = 'decoding failed due to the following error(s):';
const unreadable = 'Error: failed to get config: cannot unmarshal the configuration: ' + decoding;
const yaml =
  'Error: failed to get config: cannot resolve the configuration: retrieved value (type=string) cannot be used as a ' +
  'Conf: assuming string type since contents are not valid YAML: yaml: ';

function said(lines: string[], texts: Record<string, string>) {
  return problemsOf(lines.join('\n\n'), Object.entries(texts));
}

const debugComplaint = (about: string) => [
  unreadable,
  `'exporters' error reading configuration for "debug": ${decoding}`,
  about,
];
const body = `receivers: {otlp: }
exporters:
  debug:
    verbosity: \${env:LEVEL}
    nope: 1 # see \${env:X}
    also: \${env:X}
service:
  telemtry: 1
  pipelines:
    logs: {receivers: [otlp], exporters: debug}
`;

test.each([
  [
    'an unknown key',
    debugComplaint(`'debugexporter.Config' has invalid keys: nope`),
    'exporters.debug.nope',
    5,
    5,
  ],
  [
    'one whose value is not known',
    debugComplaint(`'debugexporter.Config' has invalid keys: also`),
    'exporters.debug.also',
    6,
    5,
  ],
  ['one of a section', [unreadable, `'service' has invalid keys: telemtry`], 'service.telemtry', 8, 3],
  [
    'a member of a pipeline',
    [unreadable, `'service.pipelines[logs].exporters' source data must be an array or slice, got string`],
    'service.pipelines.logs.exporters',
    10,
    31,
  ],
  [
    'a whole component',
    [
      unreadable,
      `'receivers' ${decoding}`,
      `'[otlp]' expected type 'map[string]interface {}', got unconvertible type 'int'`,
    ],
    'receivers.otlp',
    1,
    13,
  ],
  [
    'a section at the top',
    [unreadable, `'otelcol.configSettings' has invalid keys: nosection`],
    'nosection',
    null,
    null,
  ],
  [
    'the name of a pipeline',
    [unreadable, `'service.pipelines' in "logs" id: unknown pipeline signal: "logs"`],
    'service.pipelines.logs',
    10,
    5,
  ],
  [
    'what validates itself',
    ['Error: service::pipelines::logs: references exporter "x" which is not configured'],
    'service.pipelines.logs',
    10,
    5,
  ],
])('%s has its place, and is an error whatever the host knows', (_what, lines, path, line, column) => {
  const texts = { '': path === 'nosection' ? body.replaceAll('$', '') : body };
  expect(said(lines, texts)).toEqual([
    { severity: 'error', message: expect.not.stringContaining('placeholders'), path, line, column, file: '' },
  ]);
});

test('only what is at the place of a placeholder may be otherwise on the host', () => {
  const lines = debugComplaint(
    `'verbosity' unknown metrics level "placeholder"\n'debugexporter.Config' has invalid keys: also, nope`,
  );
  expect(said(lines, { '': body })).toMatchObject([
    {
      severity: 'warning',
      message: `'verbosity' unknown metrics level "placeholder" (with placeholders for values that are known on the host only)`,
      path: 'exporters.debug.verbosity',
      line: 4,
    },
    { severity: 'error', message: `'debugexporter.Config' has invalid keys: also`, line: 6 },
    { severity: 'error', message: `'debugexporter.Config' has invalid keys: nope`, line: 5 },
  ]);
  const dollars = body.replaceAll('${', () => '$${');
  expect(said(lines, { '': dollars })[0]).toMatchObject({ severity: 'error' });
});

test('a value that cannot be had has the place of its reference', () => {
  const lines = [
    'Error: failed to get config: cannot resolve the configuration: unable to read the file file:/x: open /x: no such file or directory',
  ];
  expect(said(lines, { '': 'a: 1\nb: ${file:/x}\n' })).toEqual([
    {
      severity: 'warning',
      message: expect.stringMatching(/^unable to read the file file:\/x: .* known on the host only\)$/),
      path: null,
      line: 2,
      column: 4,
      file: '',
    },
  ]);
});

test('what is no YAML has the line that the collector names, once, in the file that is broken', () => {
  expect(
    said([`${yaml}line 3: did not find expected key`], { '': 'a: 1\nb:\n  c: 1\n d: "${env:X}"\n' }),
  ).toEqual([
    {
      severity: 'error',
      message: 'yaml: line 3: did not find expected key',
      path: null,
      line: 3,
      column: 3,
      file: '',
    },
  ]);
  const twice = [`${yaml}unmarshal errors:\n  line 2: mapping key "a" already defined at line 1`];
  expect(said(twice, { 'a.yaml': 'b: 1\n', 'b.yaml': 'a: 1\na: 2\n' })).toEqual([
    {
      severity: 'error',
      message: 'line 2: mapping key "a" already defined at line 1',
      path: null,
      line: 2,
      column: 1,
      file: 'b.yaml',
    },
  ]);
});

test('of several files the one that has the key is named, and of two the one that counts', () => {
  const texts = {
    'a.yaml': 'exporters:\n  debug: {verbosity: odd}\n',
    'b.yaml': '\nexporters: {debug: {nope: 1}}\n',
    'c.yaml': 'exporters: {debug: {verbosity: worse}}\n',
  };
  const lines = debugComplaint(
    `'verbosity' unknown metrics level "worse"\n'debugexporter.Config' has invalid keys: nope`,
  );
  expect(said(lines, texts)).toMatchObject([
    { file: 'c.yaml', line: 1 },
    { file: 'b.yaml', line: 2 },
  ]);
});

test('what goes on in a further line belongs to the member before', () => {
  const lines = ['Error: receivers::otlp::protocols: first', 'tls: second', 'exporters::debug: third'];
  expect(said(lines, { '': body }).map(({ path }) => path)).toEqual([
    'receivers.otlp.protocols',
    'receivers.otlp.protocols',
    'exporters.debug',
  ]);
});
