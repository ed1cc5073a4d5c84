import { componentNames } from './component-names.ts';
import { readConfigurationText as readText, type ConfigurationInput } from './configuration-input.ts';
import type { ConfigurationText } from './configuration.ts';
import { lackOf, type Files, type Lack } from './drift-comparison.ts';
import { validateFiles, type FileProblem } from './file-problems.ts';
import { missingComponents } from './missing-components.ts';
import { CompiledConfiguration, type RenderedConfig } from './rendering.ts';
import type { TemplateValues } from './template.ts';
import { toThrown, type Thrown } from './thrown.ts';
import { unifiedDiff } from './unified-diff.ts';
import { validateConfiguration } from './validate.ts';
import { checkTexts, type CheckedTexts } from './text-checks.ts';
import { problemsOf } from './collector-words.ts';
import type { AvailableComponents } from '@muster/opamp/available-components';

/** A result, or the refusal that a person is told: classes are lost on the way between threads. */
export type Outcome<T> = { readonly done: T } | { readonly thrown: Thrown };

function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { done: work() };
  } catch (error) {
    const thrown = toThrown(error);
    if (thrown) return { thrown };
    throw error;
  }
}

/** See `readConfigurationText`. */
export function read(input: ConfigurationInput): Outcome<ConfigurationText & { perAgent: boolean }> {
  return outcomeOf(() => readText(input));
}

/** See `checkTexts`. */
export function check(text: ConfigurationText): Outcome<CheckedTexts> {
  return outcomeOf(() => checkTexts(text));
}

/** See `lackOf`. */
export function compare({ rendered, reported }: { rendered: Files; reported: Files }): Outcome<Lack | null> {
  return outcomeOf(() => lackOf(rendered, reported));
}

export interface RenderInput {
  readonly values: TemplateValues;
  readonly overlays: readonly number[];
}

/** One text for several agents: each has its own outcome. */
export function render({
  text,
  groups,
}: {
  text: ConfigurationText;
  groups: readonly RenderInput[];
}): Outcome<Outcome<RenderedConfig>[]> {
  return outcomeOf(() => {
    const compiled = compiledOnce(text);
    return groups.map(({ values, overlays }) => outcomeOf(() => compiled.render(values, overlays)));
  });
}

/** See `CompiledConfiguration.skeleton`. */
export function skeleton({
  text,
  overlays,
}: {
  text: ConfigurationText;
  overlays: readonly number[];
}): Outcome<Readonly<Record<string, string>> | null> {
  return outcomeOf(() => compiledOnce(text).skeleton(overlays));
}

/** Findings of one agent's files. */
export function validate(files: Files): Outcome<FileProblem[]> {
  return outcomeOf(() => validateFiles(files, validateConfiguration));
}

/** For each list of components what the files use and it does not have. */
export function lacking({
  files,
  lists,
}: {
  files: Files;
  lists: readonly AvailableComponents[];
}): Outcome<FileProblem[][]> {
  return outcomeOf(() =>
    lists.map((available) => validateFiles(files, (body) => missingComponents(body, available) ?? [])),
  );
}

/** See `problemsOf`. */
export function understand({
  text,
  files,
}: {
  text: string;
  files: readonly (readonly [name: string, text: string])[];
}): Outcome<FileProblem[]> {
  return outcomeOf(() => problemsOf(text, files));
}

/** See `componentNames`. */
export function names(files: Files): Outcome<string[]> {
  return outcomeOf(() => componentNames(files));
}

export interface DiffPart {
  readonly beforeName: string;
  readonly before: string | null;
  readonly afterName: string;
  readonly after: string | null;
}

/** See `unifiedDiff`. */
export function diff(parts: readonly DiffPart[]): Outcome<string> {
  return outcomeOf(() =>
    parts
      .map(({ beforeName, before, afterName, after }) => unifiedDiff(beforeName, before, afterName, after))
      .join(''),
  );
}

/** Of a version that is rendered for many agents, which are several tasks. */
let compiled: { key: string; configuration: CompiledConfiguration } | null = null;

function compiledOnce(text: ConfigurationText): CompiledConfiguration {
  const key = JSON.stringify(text);
  if (compiled?.key !== key) compiled = { key, configuration: new CompiledConfiguration(text) };
  return compiled.configuration;
}
