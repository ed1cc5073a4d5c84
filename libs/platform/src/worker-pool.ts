import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';

/** What one task may take; a task on the largest text that may be sent takes a tenth of it. */
const budgetMs = 10_000;
const budgetMiB = 512;
/** A thread without work ends after this time. */
const idleMs = 5_000;
const mostThreads = Math.min(2, availableParallelism());
/** Code of Piscina's own error, whose class it does not export. */
const aborted = 'AbortError';

/** A task was ended because it took more time or memory than it may; nothing of it is done. */
export class WorkTooLarge extends Error {
  readonly code = 'work-too-large';
  readonly limit: 'time' | 'memory';

  constructor(limit: 'time' | 'memory') {
    super(
      limit === 'time' ? `it takes more than ${budgetMs / 1000} s` : `it takes more than ${budgetMiB} MiB`,
    );
    this.limit = limit;
  }
}

/** Functions of a worker's module: each takes one value and returns, or throws, what can be cloned. */
type Tasks = Record<string, (input: never) => unknown>;

/**
 * Runs the functions of one module off the event loop, in threads that exist while there is work. `T` is the type
 * of the module, which is `<name>.worker.ts` beside the caller, and a file of that name beside the bundle.
 */
export class WorkerPool<T extends Tasks> {
  readonly #module: string;
  readonly #budgetMs: number;
  readonly #budgetMiB: number;
  #pool: Piscina | null = null;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `from`: `import.meta.url` of the caller. */
  constructor(name: string, from: string, budget: { ms?: number; MiB?: number } = {}) {
    this.#module = fileURLToPath(new URL(`./${name}.worker.${from.endsWith('.ts') ? 'ts' : 'js'}`, from));
    this.#budgetMs = budget.ms ?? budgetMs;
    this.#budgetMiB = budget.MiB ?? budgetMiB;
  }

  /** Tasks begin in the order they come; time counts from the beginning. Throws `WorkTooLarge`, and what the task throws. */
  async run<N extends keyof T & string>(
    name: N,
    input: Parameters<T[N]>[0],
  ): Promise<Awaited<ReturnType<T[N]>>> {
    if (this.#running === mostThreads) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#runNow(name, input);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #runNow<N extends keyof T & string>(name: N, input: unknown): Promise<Awaited<ReturnType<T[N]>>> {
    this.#pool ??= new Piscina({
      filename: this.#module,
      minThreads: 0,
      maxThreads: mostThreads,
      idleTimeout: idleMs,
      // Threads that spin while they wait for work take a core from whoever has some.
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: this.#budgetMiB },
    });
    try {
      const signal = AbortSignal.timeout(this.#budgetMs);
      return (await this.#pool.run(input, { name, signal })) as Awaited<ReturnType<T[N]>>;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error.name === aborted) throw new WorkTooLarge('time');
      if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') throw new WorkTooLarge('memory');
      throw error;
    }
  }
}
