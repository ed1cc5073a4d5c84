import type { Tone } from '../ui/status-chip.tsx';

export const driftKinds = ['effective', 'unknown', 'unconfirmed'] as const;
export type DriftKind = (typeof driftKinds)[number];

/** How an agent is not what it should be, and what is done about it. */
export interface Drift {
  kind: DriftKind;
  since: string;
  /** The first paths that its effective configuration lacks, or says otherwise. */
  detail: string[];
  tries: number;
  repair: 'pending' | 'forbidden' | 'notRepaired';
  /** Why it is not repaired; empty: nothing stands against it. */
  reason: string;
  /** When it is looked at again; null: it was given up. */
  nextAt: string | null;
}

export interface DriftedAgent extends Drift {
  agent: string;
  name: string;
  fleet: string | null;
}

/** A kind as lists say it. */
export const driftWords: Record<DriftKind, string> = {
  effective: 'runs something else',
  unknown: "on nobody's version",
  unconfirmed: 'never confirmed',
};

/** A kind in a sentence. */
export const driftMeanings: Record<DriftKind, string> = {
  effective: 'What it runs is not what it said it applied.',
  unknown: 'It is on a version that nobody gave it.',
  unconfirmed: 'It was given its target and never said that it has it.',
};

export const repairWords: Record<Drift['repair'], [words: string, tone: Tone]> = {
  pending: ['being repaired', 'info'],
  forbidden: ['held back', 'warn'],
  notRepaired: ['not repaired', 'bad'],
};
