import { describe, expect, test } from 'vitest';
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

describe('components', () => {
  test.each([
    ['receivers', '[otlp, nope]', '"nope" is not defined under receivers or connectors'],
    ['processors', '[nope]', '"nope" is not defined under processors'],
    ['exporters', '[debug/2]', '"debug/2" is not defined under exporters or connectors'],
  ])('an undefined one among %s is an error', (role, names, message) => {
    const body = `${sound}    logs: {${role}: ${names}}\n`;
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
    expect(validateConfiguration(body)).toEqual([]);
  });
});

test('a document that would grow without bound when expanded is judged quickly', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [*l${i}, *l${i}, *l${i}]`);
  const begin = performance.now();
  validateConfiguration(['l0: &l0 [x, x]', ...levels, 'receivers: *l30'].join('\n'));
  expect(performance.now() - begin).toBeLessThan(1000);
});
