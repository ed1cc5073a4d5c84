import { setImmediate } from 'node:timers/promises';
import { InvalidTemplate } from './errors.ts';
import type { InputGroup } from './render-inputs.postgres.ts';
import type { CompiledConfiguration, RenderedConfig } from './rendering.ts';

/** So long nothing else is answered. */
const sliceMs = 20;
/** Rendering that a fleet may take in all. */
const maxMs = 30_000;

/** A group of agents with what they would get, before anything is stored. */
export interface Rendering extends InputGroup {
  readonly config: RenderedConfig | null;
  /** It cannot be rendered for them. */
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

function tooSlow(name: string, done: number, all: number): InvalidTemplate {
  const reason = `${name} takes too long to render: ${done} of ${all} different texts in ${maxMs / 1000} s; let it read less that differs, or do without blocks where overlays apply`;
  return new InvalidTemplate('body', reason, null, null);
}

function render(
  compiled: CompiledConfiguration,
  { values, overlays }: InputGroup,
): Pick<Rendering, 'config' | 'error'> {
  try {
    return { config: compiled.render(values, overlays), error: null };
  } catch (error) {
    if (error instanceof InvalidTemplate) return { config: null, error };
    throw error;
  }
}
