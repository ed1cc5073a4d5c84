import type { ValueSource } from '@muster/agents/selector';
import type { VersionRef } from './configuration-status.ts';

/** Which configuration an agent gets, and why: everything that had a say in it. */
export interface Explanation {
  /** The fleets that match, the first of which has the agent: by priority, then by name. */
  readonly fleets: readonly ExplainedFleet[];
  /** The fleet that wins, and what it won by; for people. */
  readonly why: string;
  /** What the agent should run; null: nothing. */
  readonly configuration: ExplainedConfiguration | null;
}

export interface ExplainedFleet {
  readonly name: string;
  readonly selector: string;
  readonly priority: number;
  /** Names of the tokens it is restricted to; null: none. */
  readonly tokens: readonly string[] | null;
  readonly wins: boolean;
  /** Each requirement of its selector, and what of the agent fulfils it. */
  readonly requirements: readonly ExplainedRequirement[];
}

export interface ExplainedRequirement {
  /** As selector text: `env=prod`. */
  readonly requirement: string;
  /** Null: the agent has no such value, which is what was asked for. */
  readonly value: string | null;
  readonly source: ValueSource | null;
  /** For people: who says so. */
  readonly saidBy: string;
}

export interface ExplainedConfiguration {
  readonly name: string;
  readonly version: number;
  /** Where this version comes from: a rollout, or the stable version of the fleet. */
  readonly source: 'rollout' | 'stable';
  readonly rollout: string | null;
  readonly overlays: readonly ExplainedOverlay[];
  /** With their values of now. */
  readonly variables: readonly ExplainedVariable[];
  /**
   * File name → text: what the agent was given, or where it was given nothing yet what it would get; null: that
   * cannot be rendered, see `error`. With an `error` it is shown, and the agent is not given it.
   */
  readonly files: Readonly<Record<string, string>> | null;
  /** Of `files`, hex; null: the agent is not given them. */
  readonly hash: string | null;
  readonly error: string | null;
  /** Of what the agent was given, hex; null: nothing yet. */
  readonly targetHash: string | null;
  /** What its fleet wants it to have instead, and gives it at its pace; null: nothing else. */
  readonly next: NextConfiguration | null;
  /** Null: it is in quarantine for none of these versions. */
  readonly quarantine: ExplainedQuarantine | null;
}

export type NextConfiguration = Pick<ExplainedConfiguration, 'name' | 'version' | 'files' | 'hash' | 'error'>;

/** The version that the agent, or its cohort, failed and is not offered. */
export interface ExplainedQuarantine {
  readonly name: string;
  readonly version: number;
  readonly reason: string;
  readonly since: Date;
  /** What it is offered in place of it; null: nothing. */
  readonly instead: VersionRef | null;
}

export interface ExplainedOverlay {
  readonly index: number;
  readonly selector: string;
  readonly file: string;
  readonly applied: boolean;
}

export interface ExplainedVariable {
  /** As templates name it: `labels.region`. */
  readonly name: string;
  /** Null: the agent has none. */
  readonly value: string | null;
}

/** What an agent would get of a version. */
export type RenderedForAgent = Pick<
  ExplainedConfiguration,
  'overlays' | 'variables' | 'files' | 'hash' | 'error'
>;
