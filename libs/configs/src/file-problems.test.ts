import { expect, test } from 'vitest';
import { InvalidTemplate } from './errors.ts';
import { toProblem, validateFiles } from './file-problems.ts';
import { validateConfiguration } from './validate.ts';

const rest = 'service:\n  pipelines:\n    logs: {receivers: [otlp], exporters: [nop, gone]}\n';

test('findings over several files have a place in one of them', () => {
  const files = { 'a.yaml': 'receivers: {otlp: }\n', 'b.yaml': `exporters: {nop: , file: }\n${rest}` };
  expect(validateFiles(files, validateConfiguration)).toMatchObject([
    { severity: 'warning', path: 'exporters.file', file: 'b.yaml', line: 1, column: 20 },
    { severity: 'error', message: expect.stringContaining('"gone"'), file: 'b.yaml', line: 4, column: 31 },
  ]);
});

test('each file that is no YAML has its own place', () => {
  const files = { 'a.yaml': 'a: 1\nb: [\n', body: 'x: 1\n  \nx: 2\n', c: 'y: *z\n' };
  expect(validateFiles(files, validateConfiguration)).toMatchObject([
    { file: 'a.yaml', path: 'b' },
    { file: 'body', path: 'x', line: 3, column: 1 },
    { file: 'c', path: 'y', line: 1, column: 4 },
  ]);
});

test('without pipelines several files get a warning, as one does', () => {
  const one = { '': 'exporters: {}\n' };
  expect(validateFiles(one, validateConfiguration)).toMatchObject([{ severity: 'warning' }]);
  const two = { ...one, 'b.yaml': 'receivers: {}\n' };
  expect(validateFiles(two, validateConfiguration)).toMatchObject([{ severity: 'warning', path: 'service' }]);
});

test.each([
  ['body', ''],
  ['files["body"]', 'body'],
  ['files["a.yaml"]', 'a.yaml'],
  ['overlays[0]', 'overlays[0]'],
])('what is wrong in %s is in the file %j', (place, file) => {
  expect(toProblem(new InvalidTemplate(place, 'no', null, null)).file).toBe(file);
});
