import { parseSelector, type Selector } from '@muster/agents/selector';
import type { StatusCounts } from './configuration-status.ts';
import type { Policy } from './policy.ts';

/** A named selector. An agent belongs to the fleet of highest priority that matches it; ties go by name. */
export interface Fleet {
  readonly name: string;
  /** As its author wrote it. */
  readonly selector: string;
  /** Names of the enrollment tokens whose agents alone it takes; null: agents of all, and of none. */
  readonly tokens: readonly string[] | null;
  readonly priority: number;
  /** The stable version, changed by completed rollouts alone; both null: none yet. */
  readonly configuration: string | null;
  readonly version: number | null;
  /** What templates read as `variables`, from the next rollout on. */
  readonly variables: Readonly<Record<string, string>>;
  /** What the stable version was rolled out with. */
  readonly stableVariables: Readonly<Record<string, string>>;
  /** What its rollouts use unless they say otherwise. */
  readonly policy: Policy;
  readonly agents: number;
  readonly connected: number;
  readonly counts: StatusCounts;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Which agents a fleet takes, if no other comes before it: its selector, and the tokens it is restricted to. */
export function membershipRule({ selector, tokens }: Pick<Fleet, 'selector' | 'tokens'>): Selector {
  const { requirements } = parseSelector(selector);
  if (tokens === null) return { requirements };
  return { requirements: [...requirements, { key: '', source: 'token', operator: 'in', values: tokens }] };
}
