/** How an agent stands in a rollout. */
export const agentStates = [
  'waiting', // its wave has not come, or its turn in the wave
  'offered',
  'applied',
  'failed', // said so, could not be sent the config, or did not answer in time
  'deferred', // offline when its turn came, or since; gets its turn when it returns
  'quarantined', // failed this very config before: never offered
  'rolledBack', // taken back; settled once it has confirmed what it had before
] as const;
export type RolloutAgentState = (typeof agentStates)[number];
export type AgentCounts = Record<RolloutAgentState, number>;

/** The agents of one wave, counted. */
export interface WaveCounts extends Readonly<AgentCounts> {
  readonly size: number;
  /** Applied, and says it is not healthy. */
  readonly unhealthy: number;
  /** Was offered, and is offline now. */
  readonly disconnected: number;
}
