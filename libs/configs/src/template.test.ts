import { describe, expect, it } from 'vitest';
import { isTemplate, Template, type TemplateValues } from './template.ts';

const values: TemplateValues = {
  agent: { os: 'linux', version: '0.149.0' },
  fleet: { name: 'edge' },
  variables: { gateway: 'gw.example.com:4317' },
  labels: { region: 'eu-1' },
  attributes: { 'host.name': 'db-7', note: 'two\nlines' },
};
const render = (text: string) => new Template(text, 'body').render(values);

describe('rendering', () => {
  it.each([
    ['endpoint: {{ variables.gateway }}', 'endpoint: gw.example.com:4317'],
    ["host: {{ attributes['host.name'] }}", 'host: db-7'],
    ['os: {{ agent.os | upcase }}, fleet: {{ fleet.name }}', 'os: LINUX, fleet: edge'],
    ['{% if agent.os == "linux" %}a: 1{% else %}b: 2{% endif %}', 'a: 1'],
    ['{% if labels.missing %}a: 1{% else %}b: 2{% endif %}', 'b: 2'],
    ['zone: {{ labels.zone | default: "none" }}', 'zone: none'],
    ['note: {{ attributes.note | json }}', String.raw`note: "two\nlines"`],
    ['token: ${env:TOKEN} ${file:/etc/x} $$', 'token: ${env:TOKEN} ${file:/etc/x} $$'],
    ['{% raw %}{{ kept }}{% endraw %}', '{{ kept }}'],
    ['{% assign q = labels.region %}{{ q }}', 'eu-1'],
    ['{% assign q = labels.zone | default: "none" %}{{ q }}', 'none'],
    ['{% for label in labels %}{{ label[0] }}={{ label[1] }},{% endfor %}', 'region=eu-1,'],
    ['{{ attributes | json }}', JSON.stringify(values.attributes)],
    ['{{ labels.region.size }}', '4'],
  ])('%s', (text, expected) => expect(render(text)).toBe(expected));
});

describe('what is refused, with its place', () => {
  it.each([
    ['a: 1\nb: {{ labels.zone }}', 'labels.zone', { line: 2, column: 7 }, /undefined variable: labels.zone/],
    ['{{ labels.constructor }}', 'labels.constructor', { line: 1, column: 4 }, /undefined variable/],
    ['{{ labels.toString }}', 'labels.toString', { line: 1, column: 4 }, /undefined variable/],
    ['{{ attributes.note }}', null, { line: 1, column: 1 }, /line breaks/],
    ['{{ labels }}', null, { line: 1, column: 1 }, /needs a member/],
    ['{{ labels.size }}', 'labels.size', { line: 1, column: 4 }, /undefined variable: labels.size/],
    [
      '{{ labels[agent.size_of] }}',
      'agent.size_of',
      { line: 1, column: 11 },
      /known are agent.uid, agent.name, agent.type/,
    ],
    [
      '{{ agent.constructor }}',
      'agent.constructor',
      { line: 1, column: 4 },
      /undefined variable: agent.constructor; known/,
    ],
    [
      '{{ agent.__proto__ }}',
      'agent.__proto__',
      { line: 1, column: 4 },
      /undefined variable: agent.__proto__; known/,
    ],
    ['{% if agent.oss == "linux" %}{% endif %}', 'agent.oss', { line: 1, column: 7 }, /known are .*agent.os/],
    ['{{ hostname[agent.os] }}', 'hostname', { line: 1, column: 4 }, /known are agent, fleet/],
    ['{{ fleet.size }}', 'fleet.size', { line: 1, column: 4 }, /known are fleet.name/],
    ['{{ constructor.name }}', 'constructor', { line: 1, column: 4 }, /known are agent, fleet/],
    ['{% assign q = labels.zzz %}q={{ q }}', 'labels.zzz', { line: 1, column: 15 }, /undefined variable/],
    ['{% liquid assign q = labels.zzz %}', 'labels.zzz', { line: 1, column: 22 }, /undefined variable/],
    ['{{ labels.region | sample }}', null, { line: 1, column: 1 }, /undefined filter: sample/],
    ['{{ "now" | date: "%s" }}', null, { line: 1, column: 1 }, /undefined filter: date/],
    ['{% include "/etc/passwd" %}', null, { line: 1, column: 1 }, /tag "include" not found/],
    ['{% for i in (1..100000000) %}x{% endfor %}', null, { line: 1, column: 1 }, /limit/],
    ['{{ labels.region', null, { line: 1, column: 1 }, /not closed/],
    [
      '{{ hostname }}',
      'hostname',
      { line: 1, column: 4 },
      /undefined variable: hostname; known are agent, fleet, variables/,
    ],
  ])('%s', (text, variable, position, reason) => {
    const refused = () => render(text);
    expect(refused).toThrow(expect.objectContaining({ code: 'invalid-template', variable, position }));
    expect(refused).toThrow(reason);
  });

  it('a template that loops too much, in little time', () => {
    const loops = '{% for i in (1..220) %}{% for j in (1..1800) %}{% endfor %}{% endfor %}';
    const began = performance.now();
    expect(() => render(loops)).toThrow(/takes more than 50 ms to render: it loops too much|memory/);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(() =>
      render('{% for i in (1..40000) %}{{ variables.gateway }}{{ variables.gateway }}{% endfor %}'),
    ).toThrow(/becomes more than|takes more than/);
  });
});

it('blocks that are nested too deeply are refused in words', () => {
  expect(() => render('{% if labels.a %}'.repeat(9000))).toThrow('body: its blocks are nested too deeply');
});

it('a label of the name size is one', () => {
  const sized = { ...values, labels: { size: 'xl' } };
  expect(new Template('{{ labels.size }}', 'body').render(sized)).toBe('xl');
});

it('knows what it reads', () => {
  const { variables } = new Template('{{ labels.a }}{{ attributes["b.c"] }}{{ labels[agent.os] }}', 'body');
  expect(variables).toEqual([
    { group: 'labels', member: 'a' },
    { group: 'labels', member: null },
    { group: 'attributes', member: 'b.c' },
    { group: 'agent', member: 'os' },
  ]);
  expect(isTemplate('a: ${env:B}')).toBe(false);
});

describe('braces that are no template', () => {
  const place = (text: string) => {
    try {
      return new Template(text, 'body').foreign;
    } catch (error) {
      return error;
    }
  };

  it.each([
    ["regex: '^[0-9]{{2}}$'", /\{\{2\}\} reads no variable/, 15],
    ['a: {{ "text" }}', /reads no variable/, 4],
    ['a: {{}}', /invalid value/, 6],
    ['a: {{ }}', /invalid value/, 7],
    ['a: {{ true }}{{ nil }}', /\{\{ true \}\} reads no variable/, 4],
    ['a: {{ (1..3) }}', /reads no variable/, 4],
    ['a: {{ "x" | upcase }}', /reads no variable/, 4],
    ["regex: 'x{{1,3}}'", /more than one value/, 10],
    ['a: {{ labels.x, labels.y }}', /more than one value/, 4],
    ['a: {{ labels.x labels.y }}', /more than one value/, 4],
    ['a: {{ .labels.x }}', /begins with a dot/, 4],
    ['endpoint: {{ .Values.endpoint }}', /undefined variable: Values/, 14],
    ['a: {{ $labels.instance }}', /invalid value/, 7],
    ['a: {{ range $fp := .paths }}{{ end }}', /expected "\|" before filter|invalid value|undefined/, null],
    ['a: {{ if .parse }}b{{ end }}', /undefined variable: if/, 7],
    ['a: {{ printf "%s" .x }}', /undefined variable: printf/, 7],
    ['a: {{/* a comment */}}', /invalid value/, 6],
    ['a: {{ end }}', /undefined variable: end/, 7],
    ['a: {{ template "x" . }}', /./, null],
    ['a: {{ if (eq .x "y") }}b{{ end }}', /invalid range/, null],
    ["regex: '{{'", /not closed/, 9],
    ["regex: '{{{2}}}'", /invalid value/, null],
    ["date: '{%d/%m}'", /not closed/, 8],
    ["date: '{%d %}'", /tag "d" not found/, 8],
    ["date: '{% %}'", /illegal tag/, null],
    ['{% if labels.x %}{{ 2 }}{% endif %}', /reads no variable/, 18],
  ])('%s is refused, with the way out', (text, reason, column) => {
    const refusal = place(text) as { message: string; position: { column: number } };
    expect(refusal).toMatchObject({ code: 'invalid-template', message: expect.stringMatching(reason) });
    expect(refusal.message).toContain('{% raw %}');
    if (column !== null) expect(refusal.position.column).toBe(column);
  });

  it.each([
    ["{{ '{{' }} .Values.x {{ '}}' }}", '{{ .Values.x }}'],
    ['{{ "{{2}}" }}', '{{2}}'],
    ['{% raw %}^[0-9]{{2}}$ {{ $labels.x }} {%d}{% endraw %}', '^[0-9]{{2}}$ {{ $labels.x }} {%d}'],
    ['a{2}b}}c%}d{#e#}{ {f} }', 'a{2}b}}c%}d{#e#}{ {f} }'],
    ['%{IP:client} {client} ${env:X} $$ {"a":{"b":1}}', '%{IP:client} {client} ${env:X} $$ {"a":{"b":1}}'],
    ['{% comment %}{{ 2 }}{% endcomment %}{{ labels.region }}', 'eu-1'],
    ['{% for i in (1..2) %}{{ i }}{{ forloop.last }}{% endfor %}', '1false2true'],
    ['{{ "a-" | append: labels.region }}', 'a-eu-1'],
    ['{{ labels.region == "eu-1" and agent.os == "linux" }}', 'true'],
    ['{{ not labels.region }}', 'false'],
    ['{{ labels["region"] | split: "-" | first }}', 'eu'],
    ['{{- labels.region -}}', 'eu-1'],
  ])('%s is one, or is kept', (text, expected) => {
    expect(place(text) ?? null).toBeNull();
    expect(render(text)).toBe(expected);
  });
});
