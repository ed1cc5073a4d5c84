import { expect, it } from 'vitest';
import { validateFiles } from './file-problems.ts';
import { CompiledConfiguration, noValues } from './rendering.ts';
import { structureProblems } from './validate.ts';

const pipelines = 'service: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n';
const sound = `receivers: {nop: }\nexporters: {nop: }\n${pipelines}`;
const compile = (text: Partial<ConstructorParameters<typeof CompiledConfiguration>[0]>) =>
  new CompiledConfiguration({ body: '', files: {}, overlays: [], ...text });
const valued = (x: string) => ({ ...noValues, labels: { x } });

/** Words, and what is something else to YAML or to a collector. */
const values = [
  'eu',
  'us-1',
  'a:4317',
  'nop',
  'null',
  'true',
  '0644',
  'otlp',
  'mapping',
  'windows',
  'n',
].concat(
  [
    '',
    'a: b',
    'a:',
    '"',
    "'",
    '#',
    ' #',
    '- a',
    '[a',
    '{',
    '*a',
    '&a',
    '!a',
    '%',
    '@',
    '`',
    '|',
    '>',
    '${env:X}',
  ],
  ['x', 'x #', 'é', 'a b', '---', '...', '?', ','],
);

it.each([
  ['a value', `${sound}x: {{ labels.x }}\n`],
  ['quoted', `${sound}x: "{{ labels.x }}"\n`],
  ['after a backslash', `${sound}x: "\\{{ labels.x }}"\n`],
  ['a block', `${sound}x: |\n  {{ labels.x }}\n`],
  ['the head of a block', `${sound}x: |{{ labels.x }}\n  a\n`],
  ['a comment', `${sound}# {{ labels.x }}\n`],
  ['in a flow', `${sound}x: {a: {{ labels.x }}, b: [{{ labels.x }}, 1]}\n`],
  ['a key', `${sound}x: {a: 1, {{ labels.x }}: 2, us-1: 3}\n`],
  ['part of a key', `${sound}x: {a: 1, a-{{ labels.x }}: 2, a-us-1: 3}\n`],
  ['an anchor', `${sound}x: [&a{{ labels.x }} 1, *aeu]\n`],
  ['an alias', `${sound}x: [&eu 1, *{{ labels.x }}]\n`],
  ['a tag', `${sound}x: !!{{ labels.x }} {}\n`],
  ['a typed scalar', `${sound}x: !!int "{{ labels.x }}"\n`],
  ['a component', sound.replace('exporters: [nop]', 'exporters: [{{ labels.x }}]')],
  [
    'a component by an alias',
    `x: &l [{{ labels.x }}]\n${sound.replace('exporters: [nop]', 'exporters: *l')}`,
  ],
  ['an extension', sound.replace('service: {', 'service: {extensions: ["{{ labels.x }}"], ')],
  ['a pipeline', sound.replace('logs:', 'logs/{{ labels.x }}:')],
  ['a signal', sound.replace('{logs:', '{ {{ labels.x }}:')],
  ['a section', sound.replace('{nop: }', '{{ labels.x }}')],
  ['all of it', '{{ labels.x }}'],
  ['the list of pipelines', 'service: {pipelines: {{ labels.x }}}\n'],
  ['the indentation', `a:\n  b: 1\n{{ labels.x }}  c: 1\n`],
  ['in words', `${sound}x: a{{ labels.x }}{{ labels.x }}b: c\n`],
  ['blocks', `{% if labels.x == "windows" %}${sound}{% endif %}`],
  ['blocks with a comment', `# {{ labels.x }}\n{% if labels.x == "windows" %}${sound}{% endif %}`],
  ['a loop', `${sound}x: [{% for i in (1..3) %}{{ labels.x }}{{ i }},{% endfor %}]\n`],
  ['raw', `${sound}x: {{ labels.x | raw }}\n`],
  ['json', `${sound}x: {{ labels.x | json }}\n`],
  ['captured', `{% capture c %}{{ labels.x }}: 1{% endcapture %}${sound}{{ c }}\n`],
])('says what reading each text says: %s', (_what, body) => {
  const compiled = compile({ body });
  // again, since what was said once is kept
  for (const value of [...values, ...values]) {
    const { files, unfit } = compiled.render(valued(value), []);
    const [error] = validateFiles(files, structureProblems).filter(({ severity }) => severity === 'error');
    expect(unfit && { message: unfit.message, line: unfit.line }, value).toEqual(
      error ? { message: error.message, line: error.line } : null,
    );
  }
});

it.each([
  ['nothing', ''],
  ['blank', ' \n\n'],
  ['comments', '# {{ labels.x }}\n'],
  ['an empty mapping', '{} # {{ labels.x }}\n'],
  ['null', '~'],
  ['a list', '- a\n'],
  ['a word', '{{ labels.x }}\n'],
  ['several documents', 'a: 1\n---\nb: {{ labels.x }}\n'],
  ['a key twice', 'a: 1\na: {{ labels.x }}\n'],
  ['nested too deeply', `x:\n${'- '.repeat(200)}{{ labels.x }}\n`],
])('nobody can run %s', (_what, body) => {
  expect(compile({ body }).render(valued('eu'), []).unfit).toMatchObject({ severity: 'error', file: '' });
});

it('overlays and other files count', () => {
  const overlays = [
    { selector: '', file: '', body: 'receivers: !remove\nexporters: !remove\nservice: !remove\n' },
  ];
  const emptied = compile({ body: sound, overlays });
  expect(emptied.render(noValues, []).unfit).toBeNull();
  expect(emptied.render(noValues, [0]).unfit).toMatchObject({ message: expect.stringContaining('empty') });
  const files = { 'a.yaml': '# {{ labels.x }}\n', 'b.yaml': '{% if labels.x == "eu" %}a: 1{% endif %}\n' };
  expect(compile({ files }).render(valued('eu'), []).unfit).toBeNull();
  expect(compile({ files }).render(valued('us'), []).unfit).toMatchObject({
    message: expect.stringContaining('empty'),
  });
});

it('ten thousand texts that differ in words take little more than to render them', () => {
  const filler = Array.from({ length: 150 }, (_, n) => `  key${n}: a value of some length, ${n}\n`).join('');
  const body = `# {{ agent.uid }}\n${sound}x:\n${filler}  host: "{{ labels.x }}"\n`;
  const compiled = compile({ body });
  const began = performance.now();
  for (let n = 0; n < 10_000; n++) {
    const { unfit } = compiled.render({ ...valued(`host-${n}`), agent: { uid: `${n}` } }, []);
    expect(unfit).toBeNull();
  }
  expect(performance.now() - began).toBeLessThan(10_000);
});
