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
  priority: number;
  wins: boolean;
}

export interface ExplainedConfiguration {
  name: string;
  version: number;
  source: 'rollout' | 'stable';
  rollout: string | null;
  overlays: ExplainedOverlay[];
  variables: { name: string; value: string | null }[];
  /** File name → text; null: it cannot be rendered, see `error`. */
  files: Record<string, string> | null;
  hash: string | null;
  error: string | null;
  /** What the agent is to have; null: nothing yet. */
  targetHash: string | null;
}

export interface ExplainedOverlay {
  index: number;
  selector: string;
  file: string;
  applied: boolean;
}
