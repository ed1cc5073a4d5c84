import { WorkerPool, WorkTooLarge } from '@muster/platform/worker-pool';
import { InvalidTemplate } from './errors.ts';
import type * as work from './texts.worker.ts';
import {
  check,
  compare,
  diff,
  lacking,
  names,
  read,
  render,
  skeleton,
  understand,
  validate,
} from './texts.worker.ts';
import { fromThrown } from './thrown.ts';

/** Up to here a text is worked on at once: whatever it says takes less than a thread does. In characters. */
const atOnce = 8 * 1024;

type Work = typeof work;
const here: Work = { check, compare, diff, lacking, names, read, render, skeleton, understand, validate };
type Done<N extends keyof Work> = Extract<ReturnType<Work[N]>, { done: unknown }>['done'];

/** Reads, checks, renders and compares the texts of configurations, large ones off the event loop. */
export class TextWork {
  readonly #pool: Pick<WorkerPool<Work>, 'run'>;

  /** `pool`: tests have one with another budget. */
  constructor(pool: Pick<WorkerPool<Work>, 'run'> = new WorkerPool('texts', import.meta.url)) {
    this.#pool = pool;
  }

  /**
   * `size`: of the texts, in characters. `what` names the work for people. Throws what the work throws, and
   * `InvalidTemplate` if it takes too much.
   */
  async run<N extends keyof Work & string>(
    name: N,
    input: Parameters<Work[N]>[0],
    size: number,
    what: string,
  ): Promise<Done<N>> {
    const outcome =
      size <= atOnce
        ? (here[name] as (input: unknown) => work.Outcome<Done<N>>)(input)
        : ((await this.#pool.run(name, input).catch((error: unknown) => {
            if (!(error instanceof WorkTooLarge)) throw error;
            throw new InvalidTemplate('body', `cannot be ${what}: ${error.message}`, null, null);
          })) as work.Outcome<Done<N>>);
    if ('thrown' in outcome) throw fromThrown(outcome.thrown);
    return outcome.done;
  }
}

/** All of a process: its threads are few. */
export const textWork = new TextWork();

/** Characters of files, with their names. */
export function sizeOf(files: Readonly<Record<string, string>>): number {
  return Object.entries(files).reduce((size, [name, text]) => size + name.length + text.length, 0);
}
