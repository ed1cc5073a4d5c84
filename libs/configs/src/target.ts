import type { AgentId } from '@muster/agents/agent-id';

/** What one agent should run from now on. */
export interface Target {
  readonly agent: AgentId;
  readonly configuration: string;
  readonly version: number;
  /** Of the rendered config, hex; it must be stored already. */
  readonly hash: string;
  /** Null: convergence to the fleet's stable version. */
  readonly rolloutId: string | null;
}
