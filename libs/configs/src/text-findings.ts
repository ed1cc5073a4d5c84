import { setImmediate } from 'node:timers/promises';
import type { AgentId } from '@muster/agents/agent-id';
import { InvalidTemplate } from './errors.ts';
import { warning, type FileProblem } from './file-problems.ts';
import type { RenderedConfig } from './rendering.ts';
import type { Rendering } from './rendering-slices.ts';
import { sizeOf, textWork } from './text-work.ts';

/** Different texts that are looked at for one fleet, those of most agents first. */
const maxTexts = 100;

/** A finding, and whom it concerns. */
export interface Finding extends FileProblem {
  /** Null: every agent. */
  readonly agents: readonly AgentId[] | null;
}

/** A text, and who would get it. */
export interface CommonText {
  readonly config: RenderedConfig;
  readonly agents: readonly AgentId[];
}

/** The texts of most agents, as many as are looked at, and how many others there are. */
export function commonTexts(renderings: readonly Pick<Rendering, 'config' | 'agents'>[]): {
  common: CommonText[];
  others: number;
} {
  const rendered = renderings.flatMap(({ config, agents }) => (config ? [{ config, agents }] : []));
  const texts = [...Map.groupBy(rendered, ({ config }) => config.hash).values()]
    .map((alike) => ({ config: alike[0]!.config, agents: alike.flatMap(({ agents }) => agents) }))
    .toSorted((a, b) => b.agents.length - a.agents.length);
  return { common: texts.slice(0, maxTexts), others: Math.max(0, texts.length - maxTexts) };
}

/** What the texts alone say against them. One that takes too much to check is a finding. */
export async function findingsIn(texts: readonly CommonText[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { config, agents } of texts) {
    for (const problem of await problemsIn(config.files)) findings.push({ ...problem, agents });
    await setImmediate();
  }
  return findings;
}

async function problemsIn(files: RenderedConfig['files']): Promise<FileProblem[]> {
  try {
    return await textWork.run('validate', files, sizeOf(files), 'checked');
  } catch (error) {
    if (error instanceof InvalidTemplate) return [warning(error.reason)];
    throw error;
  }
}

/** That so many texts were not looked at; none: nothing. */
export function notLookedAt(fleet: string, texts: number): Finding[] {
  if (texts === 0) return [];
  return [
    unchecked(
      `${texts} more texts of fleet "${fleet}", each for fewer agents, were rendered and not checked further`,
    ),
  ];
}

/** That something was not looked at. */
export function unchecked(message: string): Finding {
  return { ...warning(message), agents: null };
}

/** The same finding in texts of several groups is one, which concerns all of them. */
export function distinctFindings(findings: readonly Finding[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const finding of findings) {
    const { agents, ...problem } = finding;
    const key = JSON.stringify(problem);
    const known = found.get(key);
    const all = known?.agents && agents ? [...new Set([...known.agents, ...agents])] : null;
    found.set(key, known ? { ...problem, agents: all } : finding);
  }
  return [...found.values()];
}
