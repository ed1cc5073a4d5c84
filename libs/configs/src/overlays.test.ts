import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, parseDocument, visit } from 'yaml';
import { mergeFiles, mergeOverlays } from './overlays.ts';

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
      spare: { endpoint: '${env:GATEWAY}', timeout: '5s' },
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

it('anchors of overlays stay their own', () => {
  const merged = parse(
    merge('exporters: {spare: {timeout: 1s}}', 'x: &out [1]\ny: *out\nservice: {z: *out}'),
  );
  expect(merged.exporters.otlp.timeout).toBe('5s');
  expect(merged.exporters.spare.timeout).toBe('1s');
  expect(merged.y).toEqual([1]);
  expect(merged.service.z).toEqual([1]);
});

describe('aliases and merge keys become what they stand for, so that an overlay changes one place', () => {
  const onto = (text: string, overlay: string) =>
    parse(mergeOverlays({ place: 'body', text }, [{ place: 'overlays[0]', text: overlay }]));

  it.each([
    ['d: &d {a: 1}\ne: *d', 'd: 5', { d: 5, e: { a: 1 } }],
    ['d: &d {a: 1}\ne: *d', 'd: !remove ', { e: { a: 1 } }],
    ['d: &d {a: 1}\ne: *d', 'd: {b: 2}', { d: { a: 1, b: 2 }, e: { a: 1 } }],
    ['d: &d {a: 1}\ne: *d', 'e: {b: 2}', { d: { a: 1 }, e: { a: 1, b: 2 } }],
    ['d: &d {a: 1, b: 2}\ne: {<<: *d, b: 3}', 'e: {a: !remove }', { d: { a: 1, b: 2 }, e: { b: 3 } }],
    ['d: &d {a: {x: 1}}\ne: {<<: *d}', 'e: {a: {y: 2}}', { d: { a: { x: 1 } }, e: { a: { x: 1, y: 2 } } }],
    [
      'd: &d {a: 1}\nf: &f {a: 2, b: 2}\ne: {<<: [*d, *f]}',
      'g: 0',
      { d: { a: 1 }, f: { a: 2, b: 2 }, e: { a: 1, b: 2 }, g: 0 },
    ],
    ['a: &a 1\nb: *a\nc: &a 2\nd: *a', 'e: 3', { a: 1, b: 1, c: 2, d: 2, e: 3 }],
  ])('%j with %j', (text, overlay, expected) => expect(onto(text, overlay)).toEqual(expected));

  it('but no more than can be handled', () => {
    const nine = (name: string) => `[${Array.from({ length: 9 }, () => name).join(', ')}]`;
    const bomb = ['b', 'c', 'd', 'e', 'f'].map((name, n) => `${name}: &${name} ${nine(`*${'abcde'[n]}`)}`);
    const begin = performance.now();
    expect(() => onto('x: 1', [`a: &a ${nine('x')}`, ...bomb].join('\n'))).toThrow(
      /overlays\[0\]: aliases stand for too much.*\(line 5, column \d+\)/,
    );
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(() => onto('a: &a [*a]', 'b: 1')).toThrow('body: "*a" leads to itself (line 1, column 8)');
    expect(() => onto('a: {<<: 5}', 'b: 1')).toThrow('body: "<<" takes a mapping');
  });
});

describe('scalars stay as they are written', () => {
  const written = [
    ['0644', '014', '08', '12345678901234567890', '1e3', '+1', '0x1F', '0o17', '1_000', '.5', '-0', '.inf'],
    ['true', 'yes', 'No', 'null', '~', '2020-01-01', '12:30:45', 'a:b', 'http://x:80', '${env:X}', '1.0.0'],
    ["'0644'", "'it''s'", '"true"', '"a b"', '""', "''", '|\n      two\n      lines', '>-\n      folded'],
  ].flat();
  const scalar = fc.constantFrom(...written);
  const entry = fc.tuple(fc.constantFrom('own', 'list', 'flow'), scalar);

  it('whatever an overlay adds beside them', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 12 }), (entries) => {
        const body = entries
          .map(([kind, text], n) => {
            if (kind === 'flow' && !/[{}|>]/.test(text)) return `k${n}: {x: ${text}}\n`;
            return kind === 'list' && !/^[|>]/.test(text)
              ? `k${n}:\n  - ${text}\n`
              : `k${n}:\n  x: ${text}\n`;
          })
          .join('');
        const merged = mergeOverlays({ place: 'body', text: body }, [
          { place: 'overlays[0]', text: body.replaceAll(/^k/gm, 'other') },
        ]);
        const [first, second] = [
          merged.slice(0, merged.indexOf('other0')),
          merged.slice(merged.indexOf('other0')),
        ];
        expect(sources(first)).toEqual(sources(body));
        expect(sources(second)).toEqual(sources(body));
      }),
    );
  });

  it('in mappings in one line too, where an empty value would make the colon part of the key', () => {
    expect(merge('x: {a: 0644, b: , c: 1e3, d: [~, +1]}')).toContain(
      'x: {a: 0644, b: null, c: 1e3, d: [~, +1]}',
    );
    const text = mergeOverlays({ place: 'body', text: 'r: {nop: , otlp: }\n' }, [
      { place: 'o', text: 'a: 1' },
    ]);
    expect(text).toBe('r: {nop: null, otlp: null}\na: 1\n');
  });

  it('with the tags that YAML defines', () => {
    expect(merge('x: !!str 5\ny: !!int "5"')).toContain('x: !!str 5\ny: !!int "5"');
  });
});

/** Every scalar with its notation, as the parser finds it. */
function sources(text: string): unknown[] {
  const found: unknown[] = [];
  visit(parseDocument(text), {
    Scalar: (key, { source, type }) => void (key === 'key' || found.push([type, source])),
  });
  return found;
}

it('names the text that cannot be merged, and the place in it', () => {
  expect(() => merge('a: 1', 'b: [')).toThrow(/^overlays\[1\]: .*\(line 1, column \d+\)/);
  expect(() => merge('- a')).toThrow('overlays[0]: an overlay is a mapping (line 1, column 1)');
  expect(() => merge('a: 1\na: 2')).toThrow(
    'overlays[0]: "a" is there twice in this mapping (line 2, column 1)',
  );
});

const unmergeable = (text: string) => () =>
  mergeOverlays({ place: 'body', text }, [{ place: 'overlays[0]', text: 'a: 1' }]);

it.each([
  ['hello', 'body: only mappings can be merged, and this is none (line 1, column 1)'],
  ['- a', 'body: only mappings can be merged, and this is none (line 1, column 1)'],
  ['a: 1\n---\nb: 2', 'body: the text holds several YAML documents; one is allowed (line 2, column 1)'],
  ['a: *b', 'body: "*b" has no anchor (line 1, column 4)'],
  ['a: &a {}\nb: {<<: *a, <<: *a}', 'body: "<<" is there twice in this mapping: give it a list'],
  [`x:\n${'- '.repeat(3000)}`, 'body: nested more than 100 deep (line 2, column 201)'],
  ['{a: '.repeat(5000), 'body: nested more than 100 deep (line 1, column 405)'],
])('nothing is merged onto %.20j', (text, message) => expect(unmergeable(text)).toThrow(message));

it('nothing is all right: an empty base, and an empty overlay', () => {
  expect(unmergeable('')()).toBe('a: 1\n');
  expect(unmergeable('null')()).toBe('a: 1\n');
  expect(merge('~')).toBe(merge('# nothing'));
});

it.each([
  ['a: !apend [nop]', 'overlays know no !apend: there are !remove and !append (line 1, column 11)'],
  ['a: {b: [!remove x]}', "!remove takes a key out of a mapping: write it as the key's value"],
  ['a: !append x', '!append adds a list to a list'],
  ['a: !Remove ', 'overlays know no !Remove'],
  ['a: 1\n---\nb: 2', 'the text holds several YAML documents'],
])('the overlay %j is refused', (overlay, reason) => {
  expect(() => merge(overlay)).toThrow(`overlays[0]: ${reason}`);
});

it('files are merged likewise, and may have any tags', () => {
  const files = ['a: {b: !x 1}', 'a: {c: !y [2]}', ''].map((text, n) => ({ place: `${n}.yaml`, text }));
  expect(mergeFiles(files[0]!, files.slice(1))).toBe('a: {b: !x 1, c: !y [2]}\n');
  expect(() => mergeFiles(files[0]!, [{ place: 'z', text: '[]' }])).toThrow('z: only mappings can be merged');
});

it('a key that stands alone has no value', () => {
  expect(parse(merge('receivers: {a}\nnew: {b}\nservice:\n  ? c\n'))).toMatchObject({
    receivers: { a: null },
    new: { b: null },
    service: { c: null, pipelines: {} },
  });
});

it('what it adds of its own has no tags left', () => {
  expect(parse(merge('new: {a: !remove , b: !append [c], d: {e: !remove }}')).new).toEqual({
    b: ['c'],
    d: {},
  });
});
