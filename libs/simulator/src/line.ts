import type { Speaker } from './fleet.ts';

/** How agents reach the server: alone, or several on one connection. */
export interface Line extends Speaker {
  /** Begins to connect. */
  start(): void;
  /** The agent's turn to send a heartbeat. */
  beat(agent: number): void;
  /** Breaks the connection without a word and begins again after a while; `null`: never. */
  cut(returnAfterMs: number | null): void;
  /** Ends for good, with agent_disconnect if so wanted. Resolves when that is sent. */
  stop(goodbye: boolean): Promise<void>;
}
