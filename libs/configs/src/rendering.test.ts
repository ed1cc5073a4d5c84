import { AgentRemoteConfig } from '@muster/opamp/opamp';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CompiledConfiguration } from './rendering.ts';
import type { TemplateValues } from './template.ts';

const values = (region: string): TemplateValues => ({
  agent: { os: 'linux' },
  fleet: { name: 'edge' },
  variables: {},
  labels: { region },
  attributes: {},
});
const compile = (text: Partial<ConstructorParameters<typeof CompiledConfiguration>[0]>) =>
  new CompiledConfiguration({ body: '', files: {}, overlays: [], ...text });

it('the same inputs give the same bytes, other inputs others', () => {
  const compiled = compile({ body: 'region: {{ labels.region }}\n' });
  const [first, again, other] = ['eu', 'eu', 'us'].map((region) => compiled.render(values(region), []));
  expect(first!.files).toEqual({ '': 'region: eu\n' });
  expect(first!.hash).toBe(again!.hash);
  expect(Buffer.from(first!.remoteConfig).equals(again!.remoteConfig)).toBe(true);
  expect(other!.hash).not.toBe(first!.hash);
});

it('a text without variables is handed out byte for byte, and is the same for every agent', () => {
  const body = 'a:   1 # two  spaces\r\n';
  const compiled = compile({ body });
  expect(compiled.perAgent).toBe(false);
  expect(compiled.render(values('eu'), []).files).toEqual({ '': body });
  expect(compile({ body, overlays: [{ selector: '', file: '', body: 'b: 1' }] }).perAgent).toBe(true);
});

it('what was put into a text may be a credential, which is refused with its place', () => {
  const compiled = compile({ body: 'a:\n  password: {{ labels.region }}\n  b: {{ agent.os }}\n' });
  const render = () => compiled.render(values('hunter2'), []);
  expect(render).toThrow(
    expect.objectContaining({
      code: 'invalid-template',
      field: 'body',
      message: expect.stringMatching(
        /once rendered.*\(password\).*\$\{env:NAME\}.*at a\.password \(line 2, column 13\)/,
      ),
    }),
  );
  expect(render).not.toThrow(/hunter2/);
  expect(compiled.render(values('${env:P}'), []).files['']).toContain('password: ${env:P}');
});

describe('overlays', () => {
  const overlays = [
    { selector: 'os.type=linux', file: '', body: 'endpoint: {{ labels.region }}.linux\n' },
    { selector: 'tier=gold', file: '', body: 'endpoint: gold\nqueue: "{{ labels.region }}"\n' },
    { selector: '', file: 'extra.yaml', body: 'more: {{ agent.os }}\n' },
  ];

  it('are merged in the order of the list, for whom they match', () => {
    const compiled = compile({ body: 'endpoint: {{ labels.region }}\nkeep: 1\n', overlays });
    const read = (applied: number[]) => parse(compiled.render(values('eu'), applied).files['']!);
    expect(read([])).toEqual({ endpoint: 'eu', keep: 1 });
    expect(read([0])).toEqual({ endpoint: 'eu.linux', keep: 1 });
    expect(read([0, 1])).toEqual({ endpoint: 'gold', queue: 'eu', keep: 1 });
    expect(compiled.render(values('eu'), [2]).files['extra.yaml']).toBe('more: linux\n');
    expect(compiled.variables).toEqual([
      { group: 'labels', member: 'region' },
      { group: 'agent', member: 'os' },
    ]);
  });

  it('templates with blocks give the same as templates without', () => {
    const plain = compile({ body: 'a: {{ labels.region }}\nb: {c: 1}\n', overlays: [{ ...overlays[1]! }] });
    const blocks = compile({
      body: 'a: {% if labels.region %}{{ labels.region }}{% endif %}\nb: {c: 1}\n',
      overlays: [{ ...overlays[1]! }],
    });
    const files = [plain, blocks].map((compiled) => compiled.render(values('eu'), [0]).files);
    expect(files[0]).toEqual(files[1]);
  });

  it('words that look like what stands for a template while it is merged are kept', () => {
    const body = 'a: musterOutput0x\nb: musterOutput9x\nc: "{{ labels.region }}"\n';
    const compiled = compile({ body, overlays: [{ selector: '', file: '', body: 'd: musterOutputX0x\n' }] });
    expect(compiled.render(values('eu'), [0]).files['']).toBe(
      'a: musterOutput0x\nb: musterOutput9x\nc: "eu"\nd: musterOutputX0x\n',
    );
    expect(compiled.skeleton([0])).not.toBeNull();
  });

  it('that cannot be merged are an error for those that get them, each time', () => {
    const compiled = compile({
      body: 'a: {{ labels.region }}\n',
      overlays: [{ selector: 'x', file: '', body: 'b: {{ labels.region }}: 1: 2\n' }],
    });
    for (let n = 0; n < 2; n++) {
      expect(() => compiled.render(values('eu'), [0])).toThrow(
        expect.objectContaining({
          code: 'invalid-template',
          field: 'overlays[0]',
          position: { line: 1, column: 4 },
        }),
      );
    }
    expect(compiled.skeleton([0])).toBeNull();
    expect(compiled.render(values('eu'), []).files).toEqual({ '': 'a: eu\n' });
  });

  it('an undefined variable of an overlay concerns those that get it alone', () => {
    const compiled = compile({
      body: 'a: 1\n',
      overlays: [{ selector: 'x', file: '', body: 'b: {{ labels.zone }}\n' }],
    });
    expect(() => compiled.render(values('eu'), [0])).toThrow(
      'overlays[0]: undefined variable: labels.zone (line 1, column 7)',
    );
    expect(compiled.render(values('eu'), []).files).toEqual({ '': 'a: 1\n' });
  });
});

it('files travel under their names; a body alone has the empty one', () => {
  const rendered = compile({ files: { 'b.yaml': 'b: 1', 'a.yaml': 'a: 1' } }).render(values('eu'), []);
  expect(rendered.files).toEqual({ 'a.yaml': 'a: 1', 'b.yaml': 'b: 1' });
  const sent = AgentRemoteConfig.decode(rendered.remoteConfig);
  expect(Object.keys(sent.config!.configMap!)).toEqual(['a.yaml', 'b.yaml']);
  expect(compile({ body: 'c: 1' }).render(values('eu'), []).files).toEqual({ '': 'c: 1' });
});
