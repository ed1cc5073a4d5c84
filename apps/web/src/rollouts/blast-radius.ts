import type { Problem } from '../server-error.ts';

/** What a rollout would do, before it does anything. */
export interface BlastRadius {
  /** Agents of the fleet. */
  agents: number;
  /** Agents that would be offered something now or when they return. */
  touched: number;
  /** Of those: agents that cannot say what they make of a config. */
  cannotSay: CannotSay;
  /** How many agents each wave would hold. */
  waves: number[];
  /** Agents with the same text now and then, those of most agents first. */
  changes: BlastRadiusChange[];
  /** Groups beyond those, and their agents. */
  more: { changes: number; agents: number };
  skipped: BlastRadiusSkipped[];
  /** What is wrong with the texts that most agents would get. */
  problems: Problem[];
}

export interface CannotSay {
  /** They report what they run, and are judged by that. */
  byEffectiveConfig: number;
  /** They report neither. */
  unconfirmed: number;
}

export interface BlastRadiusChange {
  /** Hash of the text they have; null: none that Muster gave them. */
  from: string | null;
  to: string;
  agents: number;
  /** Some of their uids. */
  sample: string[];
  cohorts: { type: string; version: string; os: string; arch: string; agents: number }[];
  /** In unified format; empty: alike. */
  diff: string;
  /** Components, as `receivers/otlp`. */
  added: string[];
  removed: string[];
}

export interface BlastRadiusSkipped {
  reason: 'noCapability' | 'notRenderable' | 'missingComponent' | 'quarantine' | 'offline';
  /** In words. */
  detail: string;
  agents: number;
  sample: string[];
}

/** A rollout is refused as long as any agent's text cannot be rendered. */
export function canStart({ skipped }: Pick<BlastRadius, 'skipped'>): boolean {
  return skipped.every(({ reason }) => reason !== 'notRenderable');
}
