/** Which configuration an agent gets, and everything that had a say in it. */
export interface Explanation {
  /** The fleets that match, the winner's rivals by priority, then by name. */
  fleets: ExplainedFleet[];
  /** For people. */
  why: string;
  configuration: ExplainedConfiguration | null;
}

export interface ExplainedFleet {
  name: string;
  selector: string;
  /** Names of the enrollment tokens it is restricted to; null: it is not. */
  tokens: string[] | null;
  priority: number;
  wins: boolean;
  /** What its selector asks for, and what of the agent fulfils it. */
  requirements: {
    requirement: string;
    value: string | null;
    source: 'label' | 'attribute' | 'token' | null;
    saidBy: string;
  }[];
}

export interface ExplainedConfiguration {
  name: string;
  version: number;
  source: 'rollout' | 'stable';
  rollout: string | null;
  overlays: ExplainedOverlay[];
  variables: { name: string; value: string | null }[];
  /** File name → text; null: it cannot be rendered. With an `error` the agent is not given it. */
  files: Record<string, string> | null;
  hash: string | null;
  error: string | null;
  /** Of what the agent was given; null: nothing yet. */
  targetHash: string | null;
  /** What its fleet wants it to have instead. */
  next: NextConfiguration | null;
  /** The version that the agent, or its cohort, failed and is not offered. */
  quarantine: {
    name: string;
    version: number;
    reason: string;
    since: string;
    instead: { name: string; version: number } | null;
  } | null;
}

export interface NextConfiguration {
  name: string;
  version: number;
  hash: string | null;
  files: Record<string, string> | null;
  error: string | null;
}

export interface ExplainedOverlay {
  index: number;
  selector: string;
  file: string;
  applied: boolean;
}
