/** A started part of the system. */
export interface Running {
  /** Takes no new work, ends what is under way, lets go of what it holds. */
  stop(): Promise<void>;
  /** How long `stop` may take at most, milliseconds, where that is more than a moment: the process is given so much longer. */
  readonly stopsWithinMs?: number;
}
