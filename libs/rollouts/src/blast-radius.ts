import type { AgentId } from '@muster/agents/agent-id';
import { kindKey, type CohortKind } from '@muster/configs/cohort-kind';
import type { Finding } from '@muster/configs/text-findings';
import { sizeOf, textWork } from '@muster/configs/text-work';
import { sum } from './gates.ts';

/** What a rollout would do, before it does anything. */
export interface BlastRadius {
  /** Agents of the fleet. */
  readonly agents: number;
  /** Agents that would be offered something now or when they come back. */
  readonly touched: number;
  /** Of those: cannot say what they make of a config. */
  readonly cannotSay: CannotSay;
  /** How many each wave would hold. */
  readonly waves: readonly number[];
  /** Agents that have the same text now and get the same text, those of most agents first. */
  readonly changes: readonly Change[];
  /** Groups beyond those in `changes`, and their agents. */
  readonly more: { readonly changes: number; readonly agents: number };
  readonly skipped: readonly Skipped[];
  /** What is wrong with the texts of most agents, as far as no collector needs to be asked. */
  readonly problems: readonly Finding[];
}

/** Agents without ReportsRemoteConfig, counted. */
export interface CannotSay {
  /** They report what they run, and are judged by that. */
  readonly byEffectiveConfig: number;
  /** They report neither: they count as unconfirmed once they were sent it. */
  readonly unconfirmed: number;
}

export interface Change {
  /** Of the text they have, hex; null: none that Muster gave them. */
  readonly from: string | null;
  readonly to: string;
  readonly agents: number;
  readonly sample: readonly AgentId[];
  readonly cohorts: readonly (CohortKind & { readonly agents: number })[];
  /** Unified, file by file; empty: nothing changes. */
  readonly diff: string;
  /** As `receivers/otlp`. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface Skipped {
  /** `offline` ones get their turn when they return. */
  readonly reason: 'noCapability' | 'notRenderable' | 'missingComponent' | 'quarantine' | 'offline';
  /** In words. */
  readonly detail: string;
  readonly agents: number;
  readonly sample: readonly AgentId[];
}

/** Agents that are alike in all that counts here. */
export interface Alike extends CohortKind {
  readonly from: string | null;
  readonly to: string | null;
  readonly connected: boolean;
  /** Why they get nothing; null: they get it. */
  readonly excluded: { readonly reason: Skipped['reason']; readonly detail: string } | null;
  /** How it is known what they made of it. */
  readonly told: 'byStatus' | 'byEffectiveConfig' | 'unconfirmed';
  readonly agents: number;
  readonly sample: readonly AgentId[];
}

type Files = Readonly<Record<string, string>>;

const sampled = 5;

/** Those that would be offered something, by their text of now and then. */
export function groupChanges(alike: readonly Alike[]): Omit<Change, 'diff' | 'added' | 'removed'>[] {
  const offered = alike.filter(({ excluded, to }) => excluded === null && to !== null);
  const groups = Map.groupBy(offered, ({ from, to }) => `${from} ${to}`);
  return [...groups.values()]
    .map((group) => ({
      from: group[0]!.from,
      to: group[0]!.to!,
      agents: sum(group, ({ agents }) => agents),
      sample: sampleOf(group),
      cohorts: cohortsOf(group),
    }))
    .toSorted((a, b) => b.agents - a.agents || (a.to < b.to ? -1 : 1));
}

/** Those that would be offered something and cannot say what they make of it. */
export function countCannotSay(alike: readonly Alike[]): CannotSay {
  const count = (how: Alike['told']) =>
    sum(alike, ({ excluded, told, agents }) => (excluded === null && told === how ? agents : 0));
  return { byEffectiveConfig: count('byEffectiveConfig'), unconfirmed: count('unconfirmed') };
}

/** Who gets nothing, or not now, and why; most agents first. */
export function groupSkipped(alike: readonly Alike[]): Skipped[] {
  const offline = alike
    .filter(({ excluded, connected }) => excluded === null && !connected)
    .map((group) => ({
      ...group,
      excluded: { reason: 'offline' as const, detail: 'offline; gets its turn when it returns' },
    }));
  const skipped = [...alike.filter(({ excluded }) => excluded !== null), ...offline];
  const groups = Map.groupBy(skipped, ({ excluded }) => `${excluded!.reason} ${excluded!.detail}`);
  return [...groups.values()]
    .map((group) => ({
      ...group[0]!.excluded!,
      agents: sum(group, ({ agents }) => agents),
      sample: sampleOf(group),
    }))
    .toSorted((a, b) => b.agents - a.agents);
}

/** What changes from one set of files to the other. */
export async function compareFiles(
  before: Files,
  after: Files,
): Promise<Pick<Change, 'diff' | 'added' | 'removed'>> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  const [had, has] = await Promise.all(
    [before, after].map(
      async (files) => new Set(await textWork.run('names', files, sizeOf(files), 'compared')),
    ),
  );
  const parts = names.map((name) => ({
    beforeName: `now ${name}`.trim(),
    before: before[name] ?? null,
    afterName: `then ${name}`.trim(),
    after: after[name] ?? null,
  }));
  return {
    diff: await textWork.run('diff', parts, sizeOf(before) + sizeOf(after), 'compared'),
    added: [...has!].filter((component) => !had!.has(component)),
    removed: [...had!].filter((component) => !has!.has(component)),
  };
}

function sampleOf(group: readonly Alike[]): AgentId[] {
  return group.flatMap(({ sample }) => sample).slice(0, sampled);
}

function cohortsOf(group: readonly Alike[]): Change['cohorts'] {
  const cohorts = Map.groupBy(group, kindKey);
  return [...cohorts.values()]
    .map((members) => {
      const { type, version, os, arch } = members[0]!;
      return { type, version, os, arch, agents: sum(members, ({ agents }) => agents) };
    })
    .toSorted((a, b) => b.agents - a.agents);
}
