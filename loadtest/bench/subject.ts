/** A server that is measured. */
export type SubjectName = 'plain' | 'floor' | 'muster';
export type Mode = 'all-in-one' | 'cluster';

export interface Subject {
  name: SubjectName;
  /** Where agents connect. */
  urls: string[];
  ports: number[];
  token?: string;
  /** Processes whose trees are all of the system. */
  roots: number[];
  /** Those that hold the connections and do nothing else; empty where that is not apart. */
  gateways: number[];
  /** Prepares a configuration of this body for all agents; what it answers sends it and resolves when all have applied it. */
  publish?(body: string, agents: number): Promise<() => Promise<void>>;
  /** Resolves when so many agents are shown connected. */
  settled(agents: number): Promise<void>;
  /** How many agents are shown disconnected now. */
  disconnected?(): Promise<number>;
  /** So far: messages on the bus, commands of Redis, statements and rows written of PostgreSQL. */
  operations?(): Promise<Operations>;
  stop(): Promise<void>;
}

export interface Operations {
  bus: number;
  redis: number;
  sql: number;
  rows: number;
  /** By subject or table, for a closer look. */
  details: Record<string, number>;
}

/** A server that does not come up, or does not do what it is asked in time. */
export class SubjectFailed extends Error {
  readonly code = 'subject-failed';
}

/** Looks every `everyMs` until it holds. Throws `SubjectFailed`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new SubjectFailed(`${what}: not within ${timeoutMs / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
