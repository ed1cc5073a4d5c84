/** A started part of the system. */
export interface Running {
  /** Takes no new work, ends what is under way, lets go of what it holds. */
  stop(): Promise<void>;
}
