import { setImmediate } from 'node:timers/promises';
import { InvalidTemplate } from './errors.ts';
import { sizeOfInput } from './configuration-input.ts';
import { toInvalidTemplate } from './file-problems.ts';
import { textWork } from './text-work.ts';
import { fromThrown } from './thrown.ts';
import type { InputGroup } from './render-inputs.postgres.ts';
import type { CompiledConfiguration, RenderedConfig } from './rendering.ts';

/** So long nothing else is answered. */
const sliceMs = 20;
/** Groups that a thread renders at a time. */
const groupsATask = 50;
/** What templates are made of and what may be put in, in characters, up to which they are rendered at once. */
const renderAtOnce = 16 * 1024;
/** Rendering that a fleet may take in all. */
const maxMs = 30_000;

/** A group of agents with what they would get, before anything is stored. */
export interface Rendering extends InputGroup {
  readonly config: RenderedConfig | null;
  /** It cannot be rendered for them, or no collector could run what it becomes: they are not given it. */
  readonly error: InvalidTemplate | null;
}

/**
 * Renders for each group, in slices between which others get their turn. `name` is the version's, for people.
 * Throws `InvalidTemplate` if all of it takes too long: nothing can be said then of those that are left.
 */
export async function renderGroups(
  compiled: CompiledConfiguration,
  groups: readonly InputGroup[],
  name: string,
  now: () => number = () => performance.now(),
): Promise<Rendering[]> {
  if (groups.some((group) => mayTakeLong(compiled, group)))
    return renderElsewhere(compiled, groups, name, now);
  const renderings: Rendering[] = [];
  let spent = 0;
  let began = now();
  for (const group of groups) {
    renderings.push({ ...group, ...render(compiled, group) });
    const took = now() - began;
    if (took < sliceMs) continue;
    spent += took;
    if (spent > maxMs) throw tooSlow(name, renderings.length, groups.length);
    await setImmediate();
    began = now();
  }
  return renderings;
}

/** Blocks loop, what is rendered is read as YAML, and filters work on long values. */
function mayTakeLong({ text, perAgent, variables }: CompiledConfiguration, { values }: InputGroup): boolean {
  const size = sizeOfInput(text);
  if (size > renderAtOnce) return true;
  if (!perAgent) return false;
  const texts = [text.body, ...Object.values(text.files), ...text.overlays.map(({ body }) => body)];
  if (texts.some((each) => each.includes('{%'))) return true;
  const outputs = texts.reduce((count, each) => count + each.split('{{').length - 1, 0);
  let longest = 0;
  for (const { group, member } of variables) {
    const members = values[group];
    const read = member === null ? Object.values(members) : [members[member] ?? ''];
    for (const value of read) longest = Math.max(longest, value.length);
  }
  return size + outputs * longest > renderAtOnce;
}

async function renderElsewhere(
  { text }: CompiledConfiguration,
  groups: readonly InputGroup[],
  name: string,
  now: () => number,
): Promise<Rendering[]> {
  const renderings: Rendering[] = [];
  const { body, files, overlays } = text;
  const began = now();
  for (let start = 0; start < groups.length; start += groupsATask) {
    const some = groups.slice(start, start + groupsATask);
    const inputs = some.map(({ values, overlays: applied }) => ({ values, overlays: applied }));
    const outcomes = await textWork.run(
      'render',
      { text: { body, files, overlays }, groups: inputs },
      Infinity,
      'rendered',
    );
    for (const [index, outcome] of outcomes.entries()) {
      const group = some[index]!;
      if ('done' in outcome) renderings.push({ ...group, ...toGiven(outcome.done) });
      else {
        const error = fromThrown(outcome.thrown);
        if (!(error instanceof InvalidTemplate)) throw error;
        renderings.push({ ...group, config: null, error });
      }
    }
    if (now() - began > maxMs && renderings.length < groups.length)
      throw tooSlow(name, renderings.length, groups.length);
  }
  return renderings;
}

function tooSlow(name: string, done: number, all: number): InvalidTemplate {
  const reason = `${name} takes too long to render: ${done} of ${all} different texts in ${maxMs / 1000} s; let it read less that differs, or do without blocks where overlays apply`;
  return new InvalidTemplate('body', reason, null, null);
}

function render(
  compiled: CompiledConfiguration,
  { values, overlays }: InputGroup,
): Pick<Rendering, 'config' | 'error'> {
  try {
    return toGiven(compiled.render(values, overlays));
  } catch (error) {
    if (error instanceof InvalidTemplate) return { config: null, error };
    throw error;
  }
}

function toGiven(config: RenderedConfig): Pick<Rendering, 'config' | 'error'> {
  return { config, error: config.unfit && toInvalidTemplate(config.unfit) };
}
