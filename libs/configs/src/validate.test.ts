import { describe, expect, test } from 'vitest';
import { credentialProblems } from './credential-problems.ts';
import { hasErrors } from './problem.ts';
import { validateConfiguration } from './validate.ts';

const sound = `
receivers:
  otlp: {protocols: {grpc: }}
processors:
  batch:
connectors:
  spanmetrics:
exporters:
  debug:
extensions:
  health_check:
service:
  extensions: [health_check]
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [debug, spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [debug]}
`;

test('says nothing about a sound configuration', () => {
  expect(validateConfiguration(sound)).toEqual([]);
});

test.each(['', '   \n', '# only a comment\n', '---\n', '{}', 'null'])(
  'refuses %j, which would stop the collector',
  (body) => {
    expect(validateConfiguration(body)).toEqual([
      expect.objectContaining({
        severity: 'error',
        line: 1,
        column: 1,
        message: expect.stringContaining('stop'),
      }),
    ]);
  },
);

test('finds every syntax error with its line and column', () => {
  const problems = validateConfiguration('receivers:\n  otlp: [\nexporters: "x\n');
  expect(problems.length).toBeGreaterThanOrEqual(1);
  for (const problem of problems)
    expect(problem).toMatchObject({ severity: 'error', column: expect.any(Number) });
  expect(validateConfiguration('a: 1\nb:\n  c: 1\n d: 2\n')[0]).toMatchObject({ line: 4 });
});

test.each([
  ['duplicate keys', 'receivers:\n  otlp:\n  otlp:\n', 3, 3],
  ['two merge keys', 'a: &a {}\nb: &b {}\nc:\n  <<: *a\n  <<: *b\n', 5, 3],
  ['a tab as indentation', 'receivers:\n\totlp:\n', 2, 1],
  ['two documents', 'a: 1\n---\nb: 2\n', 2, 1],
  ['a list at the top', '- a\n', 1, 1],
  ['text at the top', 'hello', 1, 1],
  ['an alias without an anchor', 'receivers: *nowhere\n', 1, 12],
])('refuses %s', (_what, body, line, column) => {
  const problems = validateConfiguration(body);
  expect(hasErrors(problems)).toBe(true);
  expect(problems[0]).toMatchObject({ line, column });
});

test.each([
  ['receivers:\n  otlp:\n  otlp:\n', 'receivers.otlp', 3],
  ['a:\n  b: [{c: *nowhere}]\n', 'a.b.c', 2],
  ['exporters:\n  debug:\n    x: [1\n', 'exporters.debug.x', 3],
  ['a: 1\nb:\n  c: {x: "1}\n', 'b.c', 3],
])('what is no YAML has the path that leads there: %j', (body, path, line) => {
  const [problem] = validateConfiguration(body);
  expect(problem).toMatchObject({ severity: 'error', path });
  expect(problem!.line).toBeGreaterThanOrEqual(line);
});

test.each([
  ['exporters: {}\n', 'service', 1, 1],
  ['exporters: {}\nservice:\n', 'service', 2, 1],
  ['service: {extensions: []}\n', 'service.pipelines', 1, 10],
  ['service:\n  pipelines: {}\n', 'service.pipelines', 2, 3],
])('without pipelines it needs a supervisor that has some: %j', (body, path, line, column) => {
  const problem = { message: expect.stringContaining('no pipelines'), path, line, column };
  expect(validateConfiguration(body)).toEqual([{ severity: 'warning', ...problem }]);
});

test.each(['service: ${file:x}\n', 'service: {pipelines: "${env:P}"}\n'])(
  'pipelines may come from the collector itself: %j',
  (body) => expect(validateConfiguration(body)).toEqual([]),
);

describe('components', () => {
  test.each([
    ['receivers', '[otlp, nope]', '"nope" is not defined under receivers or connectors'],
    ['processors', '[nope]', '"nope" is not defined under processors'],
    ['exporters', '[debug/2]', '"debug/2" is not defined under exporters or connectors'],
  ])('an undefined one among %s is an error', (role, names, message) => {
    const others = { receivers: '[otlp]', exporters: '[debug]', [role]: names };
    const lists = Object.entries(others).map(([key, value]) => `${key}: ${value}`);
    const body = `${sound}    logs: {${lists.join(', ')}}\n`;
    expect(validateConfiguration(body)).toEqual([
      expect.objectContaining({
        severity: 'error',
        message,
        path: `service.pipelines.logs.${role}`,
        line: 17,
      }),
    ]);
  });

  test('an undefined extension is an error at its place', () => {
    const body = sound.replace('[health_check]', '[health_check, zpages]');
    expect(validateConfiguration(body)).toEqual([
      expect.objectContaining({ severity: 'error', path: 'service.extensions', line: 13, column: 30 }),
    ]);
  });

  test('one that nothing uses is a warning and no error', () => {
    const problems = validateConfiguration(sound.replace('debug:', 'debug:\n  file: {path: x}'));
    expect(problems).toEqual([
      expect.objectContaining({ severity: 'warning', path: 'exporters.file', line: 10, column: 3 }),
    ]);
    expect(hasErrors(problems)).toBe(false);
  });

  test('what the collector fills in itself is not judged', () => {
    const body = sound
      .replace('exporters:\n  debug:', 'exporters: ${file:exporters.yaml}')
      .replace('receivers: [otlp]', 'receivers: [otlp, "${env:EXTRA}"]');
    expect(validateConfiguration(body)).toEqual([]);
  });

  test('anchors, aliases and merge keys are followed', () => {
    const body = `
x-common: &common {otlp: }
receivers: {<<: *common}
exporters: {debug: }
service: {pipelines: {traces: &p {receivers: [otlp], exporters: [debug]}, logs: *p}}
`;
    expect(validateConfiguration(body)).toEqual([
      expect.objectContaining({ severity: 'warning', path: 'x-common' }),
    ]);
  });
});

test('a document that would grow without bound when expanded is judged quickly', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [*l${i}, *l${i}, *l${i}]`);
  const begin = performance.now();
  validateConfiguration(['l0: &l0 [x, x]', ...levels, 'receivers: *l30'].join('\n'));
  expect(performance.now() - begin).toBeLessThan(1000);
});

describe('pipelines', () => {
  const withPipelines = (pipelines: string) => `
receivers: {otlp: }
connectors: {forward: , forward/2: }
exporters: {debug: }
service:
  pipelines:
${pipelines}`;
  const complete = `
    logs: {receivers: [otlp], exporters: [forward]}
    logs/2: {receivers: [forward], exporters: [forward/2]}
    logs/3: {receivers: [forward/2], exporters: [debug]}
`;

  test('connectors from one to the next are in order', () => {
    expect(validateConfiguration(withPipelines(complete))).toEqual([]);
  });

  test.each([
    [
      'forward',
      'an exporter of pipelines, and a receiver of none',
      complete.replace('[forward],', '[otlp],'),
    ],
    [
      'forward/2',
      'a receiver of pipelines, and an exporter of none',
      complete.replace('[forward/2]}\n    logs/3', '[debug]}\n    logs/3'),
    ],
  ])('a connector with one end: %s is %s', (name, message, pipelines) => {
    expect(validateConfiguration(withPipelines(pipelines))).toEqual([
      expect.objectContaining({
        severity: 'error',
        message: `"${name}" is ${message}`,
        path: `connectors.${name}`,
        line: 3,
      }),
    ]);
  });

  test('a circle is named, at the connector that closes it', () => {
    const body = withPipelines(complete.replace('[debug]', '[debug, forward]'));
    expect(validateConfiguration(body)).toEqual([
      expect.objectContaining({
        severity: 'error',
        message: 'the pipelines lead in a circle: logs/2 → forward/2 → logs/3 → forward → logs/2',
        path: 'service.pipelines.logs/3.exporters',
        line: 10,
        column: 57,
      }),
    ]);
    const itself = withPipelines('    logs: {receivers: [otlp, forward], exporters: [debug, forward]}');
    expect(validateConfiguration(itself).filter(({ severity }) => severity === 'error')).toEqual([
      expect.objectContaining({ message: 'the pipelines lead in a circle: logs → forward → logs' }),
    ]);
  });

  test('nothing is said of connectors where the collector fills in a part', () => {
    const open = complete.replace('[debug]', '[debug, "${env:MORE}"]').replace('[forward],', '[otlp],');
    expect(validateConfiguration(withPipelines(open))).toEqual([]);
  });

  test.each([
    [
      'spans: {receivers: [otlp], exporters: [debug]}',
      /"spans" does not say what the pipeline carries.*traces/,
    ],
    ['logs/1: {exporters: [debug]}', /"logs\/1" has no receivers/],
    ['logs/1: {receivers: [otlp]}', /"logs\/1" has no exporters/],
    ['logs/1: {receivers: [otlp], exporters: []}', /"logs\/1" has no exporters/],
  ])('refuses %s', (pipeline, message) => {
    expect(validateConfiguration(withPipelines(`${complete}    ${pipeline}`))).toEqual([
      expect.objectContaining({
        severity: 'error',
        message: expect.stringMatching(message),
        line: 11,
        column: 5,
      }),
    ]);
  });
});

test('a section that no collector reads is a warning', () => {
  expect(validateConfiguration(`${sound}exporter: {debug: }\n`)).toEqual([
    expect.objectContaining({ severity: 'warning', path: 'exporter', line: 17, column: 1 }),
  ]);
});

describe('credentials', () => {
  test('are refused with the place and what to write instead, and never repeated', () => {
    const body = sound.replace('debug:', 'debug:\n    headers:\n      "api-key": "hunter2"');
    const problems = validateConfiguration(body);
    expect(problems).toEqual([
      {
        severity: 'error',
        message: expect.stringMatching(/\(api-key\).*\$\{env:NAME\}/),
        path: 'exporters.debug.headers.api-key',
        line: 11,
        column: 19,
      },
    ]);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  test.each([
    ['exporters:\n  a: {auth: {b: {password: x1}}}\n', 'exporters.a.auth.b.password', 2, 28],
    ['exporters:\n  a:\n    list:\n      - x: 1\n        token: x1\n  b:\n', 'exporters.a.list.token', 5, 16],
    ['a: [\n{% if x %}\n  b:\n    password: x1\n{% endif %}', 'a.b.password', 4, 15],
    ['# ghp_aB3dE5fG7hJ9kL1mN0pQ2rS4tU6vW8xYzAbC\n', null, 1, 3],
  ])('are found in any text: %j', (text, path, line, column) => {
    expect(credentialProblems(text)).toEqual([
      expect.objectContaining({ severity: 'error', path, line, column }),
    ]);
  });

  test('a text that is no YAML either has both findings', () => {
    const problems = validateConfiguration('a: [\nb:\n  password: x1\n');
    expect(problems.some(({ path }) => path === 'b.password')).toBe(true);
    expect(problems.some(({ message }) => !message.includes('credential'))).toBe(true);
  });

  test('references and variables are none', () => {
    expect(credentialProblems('a: {password: "${env:P}"}\nb:\n  token: {{ token }}\n')).toEqual([]);
  });
});
