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
  readonly wins: boolean;
}

export interface ExplainedConfiguration {
  readonly name: string;
  readonly version: number;
  /** Where this version comes from: a rollout, or the stable version of the fleet. */
  readonly source: 'rollout' | 'stable';
  readonly rollout: string | null;
  readonly overlays: readonly ExplainedOverlay[];
  readonly variables: readonly ExplainedVariable[];
  /** File name → text; null: it cannot be rendered, see `error`. */
  readonly files: Readonly<Record<string, string>> | null;
  /** Of what is rendered now, hex. */
  readonly hash: string | null;
  readonly error: string | null;
  /** Of what the agent is to have, hex; differs from `hash` until an agent that has changed was given its new text. */
  readonly targetHash: string | null;
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
