import { describe, expect, it } from 'vitest';
import { readConfigurationText, type ConfigurationInput } from './configuration-input.ts';

const whole = `receivers: {nop: }
exporters: {debug: }
service: {pipelines: {logs: {receivers: [nop], exporters: [debug]}}}
`;
const needsOverlay = whole.replace('exporters: [debug]', 'exporters: [debug, otlp]');
const read = (input: ConfigurationInput) => () => readConfigurationText(input);

describe('a body that is not all of it', () => {
  it('may leave to overlays and other files what it names', () => {
    const overlays = ['os.type=linux', 'os.type!=linux'].map((selector) => ({
      selector,
      body: 'exporters: {otlp: {endpoint: a:4317}}',
    }));
    expect(readConfigurationText({ body: needsOverlay, overlays })).toMatchObject({ perAgent: true });
    expect(
      readConfigurationText({ body: needsOverlay, files: { 'a.yaml': 'exporters: {otlp: }' } }).perAgent,
    ).toBe(false);
    expect(read({ body: needsOverlay })).toThrow('"otlp" is not defined');
  });
});

const overlay = { body: 'a: 1' };

describe('what no agent can get is refused, with its place', () => {
  it.each<[string, ConfigurationInput, string, string]>([
    ['a file', { files: { 'a.yaml': 'a: 1\nb: [' } }, 'files["a.yaml"]', 'line 2, column 5'],
    [
      'a file beside a body',
      { body: whole, files: { 'a.yaml': 'a:\n\tb: 1' } },
      'files["a.yaml"]',
      'line 2, column 1',
    ],
    [
      'a file beside overlays',
      { files: { 'a.yaml': 'a: [' }, overlays: [{ ...overlay, file: 'a.yaml' }] },
      'files["a.yaml"]',
      'line 1',
    ],
    [
      'an overlay',
      { body: whole, overlays: [overlay, { body: 'a: 1\na: 2' }] },
      'overlays[1]',
      '"a" is there twice',
    ],
    [
      'a tag of an overlay',
      { body: whole, overlays: [{ body: 'a: !apend [b]' }] },
      'overlays[0]',
      '!remove and !append',
    ],
    [
      'a body beside overlays',
      { body: 'a: *b', overlays: [overlay] },
      'body',
      '"*b" has no anchor (line 1, column 4)',
    ],
    ['a body that is no mapping', { body: 'hello', overlays: [overlay] }, 'body', 'only mappings'],
    ['several documents', { body: 'a: 1\n---\nb: 2', overlays: [overlay] }, 'body', 'several YAML documents'],
    [
      'a template without variables',
      { body: 'a:\n\tb: {% raw %}{{ c }}{% endraw %}' },
      'body',
      'line 2, column 1',
    ],
    [
      'an endless template',
      { body: '{% for i in (1..900000) %}{% for j in (1..9000) %}{% endfor %}{% endfor %}' },
      'body',
      'loops too much',
    ],
  ])('%s', (_what, input, field, reason) => {
    expect(read(input)).toThrow(expect.objectContaining({ code: 'invalid-template', field }));
    expect(read(input)).toThrow(reason);
  });

  it.each([`x:\n${'- '.repeat(3000)}`, '{a: '.repeat(5000), '['.repeat(20_000), `a: ${'? '.repeat(500)}`])(
    'a text nested as deeply as %.12j',
    (body) => {
      expect(read({ body })).toThrow('nested more than 100 deep');
      expect(read({ files: { 'a.yaml': body } })).toThrow('files["a.yaml"]: nested more than 100 deep');
    },
  );

  it('an overlay without a file where there is no body', () => {
    const refused = read({ files: { 'a.yaml': whole, 'b.yaml': 'x: 1' }, overlays: [overlay] });
    expect(refused).toThrow(expect.objectContaining({ code: 'invalid-overlay', field: 'overlays[0].file' }));
    expect(refused).toThrow('there is no body to merge it onto: name one of the files, a.yaml, b.yaml');
  });
});

it('templates may become YAML that they are not', () => {
  const body = '{% if labels.x %}\n\t{{ labels.x }}: {% endif %}';
  expect(read({ body, files: { 'a.yaml': 'a: {{ labels.x }}' }, overlays: [{ body }] })).not.toThrow();
});
