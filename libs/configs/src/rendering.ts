import { parseSelector, type Selector } from '@muster/agents/selector';
import { encodeRemoteConfig } from '@muster/opamp/remote-config';
import { textPlace, type ConfigurationText } from './configuration.ts';
import { refuseRenderedCredentials } from './credential-problems.ts';
import { InvalidTemplate } from './errors.ts';
import { toProblem, type FileProblem } from './file-problems.ts';
import { usedComponents } from './missing-components.ts';
import { mergeOverlays } from './overlays.ts';
import { RenderedChecks } from './rendered-checks.ts';
import { TemplateOutputs } from './template-outputs.ts';
import { isTemplate, Template, type TemplateValues, type TemplateVariable } from './template.ts';

/** The exact files an agent gets, and how they travel. */
export interface RenderedConfig {
  /** config_hash in hex: SHA-256 of the encoded AgentConfigMap. */
  readonly hash: string;
  /** The encoded AgentRemoteConfig. */
  readonly remoteConfig: Uint8Array;
  /** File name → text. A single file has the name "" (OpAMP "Configuration Files"). */
  readonly files: Readonly<Record<string, string>>;
  /** Why no collector could run them, so that they are shown and given to no agent; null: nothing is said against them. */
  readonly unfit: FileProblem | null;
}

interface Part {
  readonly place: string;
  readonly text: string;
  readonly template: Template;
}

interface PlannedFile {
  readonly name: string;
  /** The template, with what could be merged before it is rendered. */
  readonly text: string;
  /** In pieces: see `Template.renderPieces`. */
  readonly render: (values: TemplateValues) => readonly string[];
}

/** For texts into which nothing is put. */
export const noValues: TemplateValues = { agent: {}, fleet: {}, variables: {}, labels: {}, attributes: {} };

/** Sets of overlays whose merged templates are kept. */
const maxSets = 100;

/** A version made ready to be rendered for any number of agents. The same inputs give the same bytes. */
export class CompiledConfiguration {
  /** What it was made of. */
  readonly text: ConfigurationText;
  /** Who each overlay is for. */
  readonly overlays: readonly Selector[];
  /** Everything its templates read, each once. */
  readonly variables: readonly TemplateVariable[];
  /** Do agents get different bytes? */
  readonly perAgent: boolean;
  /** Braces in it that are no template; null: none. */
  readonly foreign: InvalidTemplate | null;
  readonly #files: ReadonlyMap<string, Part>;
  readonly #overlayParts: readonly (Part & { file: string })[];
  readonly #checks = new RenderedChecks();
  readonly #planned = new Map<string, PlannedFile[] | InvalidTemplate>();

  /** Throws `InvalidTemplate`, `InvalidSelector`. */
  constructor(text: ConfigurationText) {
    const { body, files, overlays } = text;
    this.text = text;
    const named = Object.entries(files).filter(([name]) => name !== '');
    const all = body === '' && named.length > 0 ? named : [['', body] as const, ...named];
    this.#files = new Map(all.map(([name, text]) => [name, toPart(textPlace(name), text)]));
    this.#overlayParts = overlays.map((overlay, index) => ({
      ...toPart(`overlays[${index}]`, overlay.body),
      file: overlay.file,
    }));
    this.overlays = overlays.map(({ selector }) => parseSelector(selector));
    const templates = [...this.#files.values(), ...this.#overlayParts].map(({ template }) => template);
    this.variables = distinct(templates.flatMap(({ variables }) => variables));
    this.foreign = templates.find(({ foreign }) => foreign)?.foreign ?? null;
    this.perAgent = this.variables.length > 0 || overlays.length > 0;
  }

  /**
   * `applied`: the indexes of the overlays that match the agent, ascending. Throws `InvalidTemplate`, also when
   * what was put in is a credential.
   */
  render(values: TemplateValues, applied: readonly number[]): RenderedConfig {
    const planned = this.#plan(applied);
    if (planned instanceof InvalidTemplate) throw planned;
    const pieces = planned.map(({ name, render }) => ({ name, pieces: render(values) }));
    const files = Object.fromEntries(pieces.map(({ name, pieces }) => [name, pieces.join('')]));
    // The texts themselves were searched when they were saved.
    if (this.perAgent) for (const name in files) refuseRenderedCredentials(textPlace(name), files[name]!);
    const { configHash, remoteConfig } = encodeRemoteConfig(
      Object.entries(files).map(([name, text]) => ({
        name,
        body: Buffer.from(text),
        contentType: 'text/yaml',
      })),
    );
    const unfit = this.foreign ? toProblem(this.foreign) : this.#checks.errorIn(pieces);
    return { hash: configHash.toString('hex'), remoteConfig, files, unfit };
  }

  /**
   * The files before anything is put in: words stand for what templates give. They use the same components for
   * all agents with these overlays. Null: that is decided for each agent, by blocks (`{% … %}`) or by names, or
   * they cannot be merged.
   */
  skeleton(applied: readonly number[]): Readonly<Record<string, string>> | null {
    const parts = [...this.#files.values(), ...applied.map((index) => this.#overlayParts[index]!)];
    if (parts.some(({ text }) => text.includes('{%'))) return null;
    const planned = this.#plan(applied);
    if (planned instanceof InvalidTemplate) return null;
    const outputs = new TemplateOutputs(planned.map(({ text }) => text));
    const files = planned.map(({ name, text }) => [name, outputs.hide(text)] as const);
    const named = files.some(([, text]) => usedComponents(text).some((name) => outputs.isIn(name)));
    return named ? null : Object.fromEntries(files);
  }

  /** What fails to be merged once fails for every agent with these overlays. */
  #plan(applied: readonly number[]): PlannedFile[] | InvalidTemplate {
    const key = applied.join();
    const known = this.#planned.get(key);
    if (known) return known;
    const planned = told(() => this.#planFiles(applied.map((index) => this.#overlayParts[index]!)));
    if (this.#planned.size >= maxSets) this.#planned.clear();
    this.#planned.set(key, planned);
    return planned;
  }

  #planFiles(overlays: readonly (Part & { file: string })[]): PlannedFile[] {
    const names = new Set([...this.#files.keys(), ...overlays.map(({ file }) => file)]);
    return [...names].map((name) => {
      const over = overlays.filter(({ file }) => file === name);
      return { name, ...planFile(this.#files.get(name), over) };
    });
  }
}

function told<T>(work: () => T): T | InvalidTemplate {
  try {
    return work();
  } catch (error) {
    if (error instanceof InvalidTemplate) return error;
    throw error;
  }
}

const nothing: Part = toPart('body', '');

/**
 * Without blocks (`{% … %}`) the templates themselves are merged, once for all agents: that takes a hundred
 * times as long as to render. With them, what was rendered is merged.
 */
function planFile(base: Part = nothing, overlays: readonly Part[]): Omit<PlannedFile, 'name'> {
  if (overlays.length === 0) {
    const render = isTemplate(base.text)
      ? (values: TemplateValues) => base.template.renderPieces(values)
      : () => [base.text];
    return { text: base.text, render };
  }
  if (![base, ...overlays].some(({ text }) => text.includes('{%'))) {
    const outputs = new TemplateOutputs([base, ...overlays].map(({ text }) => text));
    const hidden = ({ place, text }: Part) => ({ place, text: outputs.hide(text) });
    const text = outputs.show(mergeOverlays(hidden(base), overlays.map(hidden)));
    const template = new Template(text, base.place);
    const render = (values: TemplateValues) => renderMerged(template, values, [...overlays, base]);
    return { text, render };
  }
  const rendered = (part: Part, values: TemplateValues) => ({
    place: part.place,
    text: part.template.render(values),
  });
  return {
    text: base.text,
    render: (values) => [
      mergeOverlays(
        rendered(base, values),
        overlays.map((overlay) => rendered(overlay, values)),
      ),
    ],
  };
}

/** An error in what was merged has the place of the same error in one of its parts, which somebody wrote. */
function renderMerged(template: Template, values: TemplateValues, parts: readonly Part[]): string[] {
  const pieces = told(() => template.renderPieces(values));
  if (!(pieces instanceof InvalidTemplate)) return pieces;
  const { field, reason, variable } = pieces;
  for (const part of parts) {
    const own = told(() => part.template.render(values));
    if (own instanceof InvalidTemplate && own.reason === reason) throw own;
  }
  throw new InvalidTemplate(field, reason, variable, null);
}

function toPart(place: string, text: string): Part {
  return { place, text, template: new Template(text, place) };
}

function distinct(variables: readonly TemplateVariable[]): TemplateVariable[] {
  return [...new Map(variables.map((variable) => [JSON.stringify(variable), variable])).values()];
}
