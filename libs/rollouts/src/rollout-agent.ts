/** How an agent stands in a rollout. */
export const agentStates = [
  'waiting', // its wave has not come, or its turn in the wave
  'offered',
  'applied',
  'failed', // said so, could not be sent the config, or did not answer in time
  'deferred', // offline when its turn came, or since; gets its turn when it returns
  'quarantined', // it or its cohort failed this version before: not offered until that is lifted
  'rolledBack', // taken back; settled once it has confirmed what it had before
  'stopped', // its cohort stopped before its turn came
  'unconfirmed', // was sent it, and is an agent that cannot say what it made of it
] as const;
export type RolloutAgentState = (typeof agentStates)[number];

/** What an agent made of its offer; it stays when the agent is taken back. */
export const agentOutcomes = [
  'applied',
  'failed', // said so, or could not be sent the config
  'noAnswer', // said nothing in time
  'unconfirmed', // cannot say
] as const;
export type AgentOutcome = (typeof agentOutcomes)[number];

export type AgentCounts = Record<RolloutAgentState, number>;

/** The agents of one cohort in one wave, counted. */
export interface CohortCounts extends Readonly<AgentCounts> {
  readonly wave: number;
  readonly cohort: number;
  readonly size: number;
  /** Applied or unconfirmed, and says it is not healthy; once the wave has passed, as it was then. */
  readonly unhealthy: number;
  /** Was offered, and is offline now; of those that had applied when the wave passed, as it was then. */
  readonly disconnected: number;
  /** Among the failed: those that did not answer in time. */
  readonly notConverged: number;
}

/** Those that have the config as far as anybody can know. */
export function takers({ applied, unconfirmed }: Pick<AgentCounts, 'applied' | 'unconfirmed'>): number {
  return applied + unconfirmed;
}
