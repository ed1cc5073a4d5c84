import { mixtures } from '@muster/agents/text-fragments.setup';
import { expectLinear, repeated } from '@muster/opamp/growth.setup';
import { expect, it } from 'vitest';
import { problemsOf } from './collector-words.ts';
import { componentNames } from './component-names.ts';
import { readConfigurationText } from './configuration-input.ts';
import { lackOf } from './drift-comparison.ts';
import { usedComponents } from './missing-components.ts';
import { mergeOverlays } from './overlays.ts';
import { RenderedChecks } from './rendered-checks.ts';
import { Template } from './template.ts';
import { TemplateOutputs } from './template-outputs.ts';
import { unifiedDiff } from './unified-diff.ts';
import { validateConfiguration } from './validate.ts';

const works: Record<string, (text: string) => unknown> = {
  validateConfiguration,
  readConfigurationText: (body) => readConfigurationText({ body }),
  lackOf: (text) => lackOf({ '': text }, { '': text }),
  mergeOverlays: (text) => mergeOverlays({ place: 'body', text }, [{ place: 'overlays[0]', text }]),
  usedComponents,
  componentNames: (text) => componentNames({ '': text }),
  Template: (text) => new Template(text, 'body'),
  RenderedChecks: (text) => new RenderedChecks().errorIn([{ name: '', pieces: text.split(/(?<=,)|(?=,)/) }]),
  TemplateOutputs: (text) => {
    const outputs = new TemplateOutputs([text]);
    return outputs.show(outputs.hide(text));
  },
  'what a collector says': (text) => problemsOf(text, [['', text]]),
  unifiedDiff: (text) => unifiedDiff('a', text, 'b', `${text}x\n${text}`),
};

it.each(Object.keys(works))('%s takes time linear in its text', { timeout: 240_000 }, (name) => {
  for (const mixture of mixtures(8))
    expectLinear(works[name]!, repeated(mixture), {
      size: 4 * 1024,
      what: `${name} of ${JSON.stringify(mixture)}`,
    });
});

const lines = (line: (index: number) => string) => (size: number) => {
  const parts: string[] = [];
  for (let index = 0, length = 0; length < size; index++)
    length += parts[parts.push(line(index)) - 1]!.length;
  return parts.join('');
};

const service = (pipelines: string) => `service:\n  pipelines:\n${pipelines}`;
const documents: Record<string, (size: number) => string> = {
  'many members': lines((index) => `key${index}: ${index}\n`),
  'aliases of one list': (size) =>
    `a: &a [${lines((index) => `c${index},`)(size / 2)}]\n${service(
      lines((index) => `    traces/${index}: {receivers: *a, exporters: *a}\n`)(size / 2),
    )}`,
  'connectors between all pipelines': (size) =>
    `connectors: {c: }\n${service(lines((index) => `    traces/${index}: {receivers: [c], exporters: [c]}\n`)(size))}`,
  'a chain of pipelines that leads back': (size) =>
    `connectors: {${lines((index) => `c${index}: ,`)(size / 3)}}\n${service(
      lines((index) => `    traces/${index}: {receivers: [c${index}], exporters: [c${index + 1}, c0]}\n`)(
        size / 2,
      ),
    )}`,
  'components, each used': (size) =>
    `receivers: {${lines((index) => `r${index}: ,`)(size / 2)}}\n${service(
      `    traces: {receivers: [${lines((index) => `r${index},`)(size / 2)}], exporters: [x]}\n`,
    )}`,
  'a long key with many members': (size) =>
    `${'k'.repeat(size / 2)}:\n${lines((index) => `  a${index}: 1\n`)(size / 2)}`,
  'anchors and aliases': lines((index) => `a${index}: &a${index} {x: 1}\nb${index}: *a${index}\n`),
  'merge keys of merge keys': lines(
    (index) => `m${index}: &m${index} {<<: ${index === 0 ? '{a: 1}' : `*m${index - 1}`}}\n`,
  ),
};

it.each(Object.entries(documents))('%s', { timeout: 120_000 }, (what, document) => {
  for (const name of ['validateConfiguration', 'lackOf', 'usedComponents', 'mergeOverlays'] as const)
    expectLinear(works[name]!, document, { size: 16 * 1024, what: `${name} of ${what}` });
  // Lists where any item may be anywhere, and what is not there at all.
  const open = (size: number) => `service: {extensions: [${lines((index) => `e${index},`)(size)}]}\n`;
  expectLinear(
    (size: number) => lackOf({ '': open(size) }, { '': open(size).replaceAll('e', 'f') }),
    (size) => size,
    {
      size: 8 * 1024,
    },
  );
});

it('changes of every other line', () => {
  const text = (end: string) => lines((index) => `line ${index}${index % 20 === 0 ? end : ''}\n`);
  expectLinear(
    (size: number) => unifiedDiff('a', text('a')(size), 'b', text('b')(size)),
    (size) => size,
  );
});

it('many errors are told as the first of them and a number', () => {
  const problems = validateConfiguration('pwd: ab1\n'.repeat(3_000));
  expect(problems.length).toBeLessThan(300);
  expect(problems.some(({ message }) => /^and \d+ more/.test(message))).toBe(true);
  expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
});

it('a text of more than a MiB is refused by its name and the limit', () => {
  const text = `a: ${'x'.repeat(2 * 1024 * 1024)}\n`;
  expect(() => readConfigurationText({ body: 'a: b', files: { 'x.yaml': text } })).toThrow(
    /^files\["x.yaml"\]: the text has 2097156 bytes, and one text has at most 2097152/,
  );
});
