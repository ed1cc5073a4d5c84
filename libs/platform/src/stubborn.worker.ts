import { threadId } from 'node:worker_threads';

/** Tasks for tests of the pool. */
export function double(value: number): number {
  return 2 * value;
}

export function fail(message: string): never {
  throw new TypeError(message);
}

export function spin(milliseconds: number): number {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
  return threadId;
}

export function fill(megabytes: number): number {
  const kept: number[][] = [];
  for (let i = 0; i < megabytes; i++)
    kept.push(Array.from({ length: 131_072 }, (_, index) => index + i + 0.5));
  return kept.length;
}
