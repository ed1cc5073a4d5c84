import type { Session } from './session.ts';

/** One step of a run. Its numbers are named as in `figures.ts`. */
export interface Stage {
  name: string;
  /** Does the server have what it takes? */
  fits?(session: Session): boolean;
  run(session: Session): Promise<Record<string, number | null>>;
}

/** Microseconds for each of `count`. */
export function microseconds(cpuSeconds: number | null, count: number): number | null {
  return cpuSeconds === null || count === 0 ? null : (cpuSeconds * 1e6) / count;
}
