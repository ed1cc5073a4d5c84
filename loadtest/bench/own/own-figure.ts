import type { BenchOptions } from '../options.ts';
import type { RunResult } from '../results.ts';

/** A figure with a set-up of its own. */
export type OwnFigure = (
  options: BenchOptions,
  output: { print(text: string): void; keep(runs: RunResult[]): void },
) => Promise<void>;
