import { describe, expect, it } from 'vitest';
import { InvalidSelector } from './errors.ts';
import {
  formatSelector,
  matchesSelector,
  parseSelector,
  type Requirement,
  type SelectableAgent,
} from './selector.ts';

const valid: [text: string, requirements: Requirement[], canonical?: string][] = [
  ['', []],
  ['   ', [], ''],
  ['env=prod', [{ key: 'env', operator: 'in', values: ['prod'] }]],
  ['env==prod', [{ key: 'env', operator: 'in', values: ['prod'] }], 'env=prod'],
  [' env = prod ', [{ key: 'env', operator: 'in', values: ['prod'] }], 'env=prod'],
  ['env!=prod', [{ key: 'env', operator: 'notIn', values: ['prod'] }]],
  ['env in (a, b ,c)', [{ key: 'env', operator: 'in', values: ['a', 'b', 'c'] }], 'env in (a,b,c)'],
  ['env in(a)', [{ key: 'env', operator: 'in', values: ['a'] }], 'env=a'],
  ['env notin (a,b)', [{ key: 'env', operator: 'notIn', values: ['a', 'b'] }]],
  ['canary', [{ key: 'canary', operator: 'exists' }]],
  ['!canary', [{ key: 'canary', operator: 'notExists' }]],
  ['! canary', [{ key: 'canary', operator: 'notExists' }], '!canary'],
  ['example.com/team.a=x/y', [{ key: 'example.com/team.a', operator: 'in', values: ['x/y'] }]],
  ['in=in', [{ key: 'in', operator: 'in', values: ['in'] }]],
  ['in in (in,notin)', [{ key: 'in', operator: 'in', values: ['in', 'notin'] }]],
  ['a=', [{ key: 'a', operator: 'in', values: [''] }], 'a=""'],
  [
    'a=,b',
    [
      { key: 'a', operator: 'in', values: [''] },
      { key: 'b', operator: 'exists' },
    ],
    'a="",b',
  ],
  ['os="Debian (12), x"', [{ key: 'os', operator: 'in', values: ['Debian (12), x'] }]],
  ["os='a b'", [{ key: 'os', operator: 'in', values: ['a b'] }], 'os="a b"'],
  [String.raw`a="x\"y\\z"`, [{ key: 'a', operator: 'in', values: ['x"y\\z'] }]],
  ['"odd key"', [{ key: 'odd key', operator: 'exists' }]],
  ['größe=süß', [{ key: 'größe', operator: 'in', values: ['süß'] }]],
  [
    'service.version>=0.120, service.version < v0.150.0',
    [
      { key: 'service.version', operator: '>=', version: '0.120' },
      { key: 'service.version', operator: '<', version: 'v0.150.0' },
    ],
    'service.version>=0.120,service.version<v0.150.0',
  ],
  [
    'env=prod,region in (eu-1,us-1),!canary',
    [
      { key: 'env', operator: 'in', values: ['prod'] },
      { key: 'region', operator: 'in', values: ['eu-1', 'us-1'] },
      { key: 'canary', operator: 'notExists' },
    ],
  ],
];

const withSources: typeof valid = [
  ['label:env=prod', [{ key: 'env', source: 'label', operator: 'in', values: ['prod'] }]],
  ['!label:canary', [{ key: 'canary', source: 'label', operator: 'notExists' }]],
  ['attribute:os.type', [{ key: 'os.type', source: 'attribute', operator: 'exists' }]],
  ['label:"odd key"!=x', [{ key: 'odd key', source: 'label', operator: 'notIn', values: ['x'] }]],
  [
    'attribute:service.version>=0.120',
    [{ key: 'service.version', source: 'attribute', operator: '>=', version: '0.120' }],
  ],
  ['label:label:x', [{ key: 'label:x', source: 'label', operator: 'exists' }]],
  ['"label:env"=a', [{ key: 'label:env', operator: 'in', values: ['a'] }]],
  ['labels:env=a', [{ key: 'labels:env', operator: 'in', values: ['a'] }]],
  ['token:=edge', [{ key: '', source: 'token', operator: 'in', values: ['edge'] }]],
  ['token:edge', [{ key: '', source: 'token', operator: 'in', values: ['edge'] }], 'token:=edge'],
  ['!token:edge', [{ key: '', source: 'token', operator: 'notIn', values: ['edge'] }], 'token:!=edge'],
  [
    'token:"two words"',
    [{ key: '', source: 'token', operator: 'in', values: ['two words'] }],
    'token:="two words"',
  ],
  ['token: in (edge,core)', [{ key: '', source: 'token', operator: 'in', values: ['edge', 'core'] }]],
  ['token: notin (a,b)', [{ key: '', source: 'token', operator: 'notIn', values: ['a', 'b'] }]],
  ['token:', [{ key: '', source: 'token', operator: 'exists' }]],
  ['!token:', [{ key: '', source: 'token', operator: 'notExists' }]],
  [
    'token:edge,label:env=prod',
    [
      { key: '', source: 'token', operator: 'in', values: ['edge'] },
      { key: 'env', source: 'label', operator: 'in', values: ['prod'] },
    ],
    'token:=edge,label:env=prod',
  ],
];
valid.push(...withSources);

const invalid: [text: string, position: number, reason: RegExp][] = [
  ['env=prod,', 9, /expected a key, found the end/],
  [',env', 0, /expected a key, found ","/],
  ['=prod', 0, /expected a key/],
  ['!', 1, /expected a key/],
  ['env prod', 4, /expected =, !=, <, <=, >, >=, in, notin/],
  ['env=a b', 6, /expected "," or the end/],
  ['env=a=b', 5, /expected "," or the end/],
  ['env in a', 7, /expected "\("/],
  ['env in (', 8, /expected a value/],
  ['env in ()', 8, /expected a value/],
  ['env in (a', 9, /expected "\)"/],
  ['env in (a,)', 10, /expected a value/],
  ['env in (a b)', 10, /expected "\)"/],
  ['env>prod', 4, /expected a version such as 0.149.0, found "prod"/],
  ['env>', 4, /expected a version, found the end/],
  ['env=>1', 4, /expected "," or the end/],
  ['env="prod', 4, /quote is not closed/],
  ['"":', 0, /expected a key/],
  ['env="a\0b"', 5, /no label can hold/],
  ['label:=prod', 6, /expected the key of a label/],
  ['!attribute:', 11, /expected the key of an attribute/],
  ['label: env', 6, /expected the key of a label/],
  ['token:name=edge', 10, /"token:" is followed by one name; several are `token: in \(a,b\)`/],
  ['token:>1', 0, /no order/],
  ['token: "a"', 7, /expected =, !=/],
  ['a=b,!c=d', 6, /expected "," or the end/],
];

describe('parseSelector', () => {
  it.each(valid)('reads %j', (text, requirements) => {
    expect(parseSelector(text)).toEqual({ requirements });
  });

  it.each(valid)('writes %j in one way, which reads the same', (text, requirements, canonical = text) => {
    expect(formatSelector({ requirements })).toBe(canonical);
    expect(parseSelector(canonical)).toEqual({ requirements });
  });

  it.each(invalid)('refuses %j', (text, position, reason) => {
    let error: unknown;
    try {
      parseSelector(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidSelector);
    expect(error).toMatchObject({ position, message: expect.stringMatching(reason) });
  });
});

describe('matchesSelector', () => {
  const agent: SelectableAgent = {
    attributes: { env: 'test', region: 'eu-1', 'os.type': 'linux' },
    labels: { env: 'prod', empty: '' },
    token: 'edge',
  };
  it.each([
    ['', true],
    ['env=prod', true],
    ['env=test', false],
    ['env!=test', true],
    ['env!=prod', false],
    ['missing!=x', true],
    ['missing notin (x,y)', true],
    ['env notin (prod)', false],
    ['region in (us-1,eu-1)', true],
    ['region in (us-1)', false],
    ['empty', true],
    ['!empty', false],
    ['empty=', true],
    ['missing=', false],
    ['missing', false],
    ['!missing', true],
    ['env=prod,region=us-1', false],
    // Names that every object has are no labels.
    ['toString', false],
    ['!constructor', true],
    ['__proto__!=x', true],
    ['label:env=prod', true],
    ['label:env=test', false],
    ['attribute:env=test', true],
    ['attribute:env=prod', false],
    ['label:region=eu-1', false],
    ['label:region!=eu-1', true],
    ['!label:region', true],
    ['attribute:region', true],
    ['!attribute:empty', true],
    ['attribute:__proto__', false],
    ['token:edge', true],
    ['token: in (core,edge)', true],
    ['token:core', false],
    ['!token:edge', false],
    ['token:', true],
  ])('%j: %s', (text, expected) => {
    expect(matchesSelector(parseSelector(text), agent)).toBe(expected);
  });

  it('an agent without a token matches no token', () => {
    const without = { ...agent, token: null };
    expect(matchesSelector(parseSelector('token:'), without)).toBe(false);
    expect(matchesSelector(parseSelector('!token:'), without)).toBe(true);
    expect(matchesSelector(parseSelector('!token:edge'), without)).toBe(true);
    expect(matchesSelector(parseSelector('token: in ("")'), without)).toBe(false);
  });
});
