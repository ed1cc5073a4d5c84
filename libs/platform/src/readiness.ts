/** Something a process needs, and how it finds out whether it has it. */
export interface Check {
  /** What the body of /readyz calls it. */
  name: string;
  /** Null when all is well, or what is wrong, in words without secrets. */
  check: () => Promise<string | null>;
  /** The process does its work without: what is wrong is named, and it is ready all the same. */
  optional?: boolean;
  /** A problem counts once it has lasted for so long, milliseconds; default 0. */
  graceMs?: number;
}

/** The body of /readyz. */
export interface ReadyState {
  status: 'ready' | 'not ready';
  /** What keeps the process from being ready. */
  missing: string[];
  /** What it does without. */
  degraded: string[];
  checks: Record<string, { state: 'ok' | 'failed'; reason?: string }>;
}

export interface ReadinessTimes {
  /** A check that takes longer has failed, milliseconds. */
  boundMs: number;
  /** Nothing is looked at again sooner, however many ask. */
  cacheMs: number;
  /** What has not answered by then never will: it is asked anew. */
  abandonMs: number;
}

const defaults: ReadinessTimes = { boundMs: 1_000, cacheMs: 1_000, abandonMs: 15_000 };

/**
 * Looks whether a process can do its work. A look takes no longer than the bound whatever hangs, a check runs once at
 * a time and once a second however many ask, and nothing runs while nobody asks.
 */
export class Readiness {
  readonly #checks: readonly Watched[];

  constructor(checks: readonly Check[], times: Partial<ReadinessTimes> = {}) {
    this.#checks = checks.map((check) => new Watched(check, { ...defaults, ...times }));
  }

  async look(): Promise<ReadyState> {
    const states = await Promise.all(this.#checks.map((check) => check.look()));
    const wrong = states.filter(({ counts }) => counts);
    const missing = wrong.filter(({ optional }) => !optional).map(({ name }) => name);
    return {
      status: missing.length === 0 ? 'ready' : 'not ready',
      missing,
      degraded: states
        .filter(({ problem, name }) => problem !== null && !missing.includes(name))
        .map(({ name }) => name),
      checks: Object.fromEntries(
        states.map(({ name, problem }) => [
          name,
          problem === null ? { state: 'ok' } : { state: 'failed', reason: problem },
        ]),
      ),
    };
  }
}

class Watched {
  readonly #check: Check;
  readonly #times: ReadinessTimes;
  #running: Promise<void> | null = null;
  #startedAt = 0;
  #endedAt = -Infinity;
  #problem: string | null = null;
  #late = false;
  #wrongSince: number | null = null;

  constructor(check: Check, times: ReadinessTimes) {
    this.#check = check;
    this.#times = times;
  }

  async look() {
    const { boundMs, cacheMs, abandonMs } = this.#times;
    const now = performance.now();
    if (this.#running ? now - this.#startedAt > abandonMs : now - this.#endedAt >= cacheMs) this.#start(now);
    // What was late last time is not waited for: it is looked at meanwhile, and the next look hears of it.
    const waitMs = this.#late ? 0 : boundMs - (now - this.#startedAt);
    if (this.#running && waitMs > 0) await endOf(this.#running, waitMs);
    if (this.#running && performance.now() - this.#startedAt >= boundMs) {
      this.#note(`no answer within ${inSeconds(boundMs)}`, true);
    }
    const { name, optional = false, graceMs = 0 } = this.#check;
    const counts = this.#wrongSince !== null && performance.now() - this.#wrongSince >= graceMs;
    return { name, optional, problem: this.#problem, counts };
  }

  #start(now: number): void {
    this.#startedAt = now;
    const running = this.#check
      .check()
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .then((problem) => {
        if (this.#running !== running) return;
        const tookMs = performance.now() - this.#startedAt;
        const late = tookMs > this.#times.boundMs;
        this.#note(problem ?? (late ? `an answer took ${inSeconds(tookMs)}` : null), late);
        this.#running = null;
        this.#endedAt = performance.now();
      });
    this.#running = running;
  }

  #note(problem: string | null, late: boolean): void {
    this.#problem = problem;
    this.#late = late;
    this.#wrongSince = problem === null ? null : (this.#wrongSince ?? performance.now());
  }
}

async function endOf(running: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    // Timers count whole milliseconds, and may be one early.
    timer = setTimeout(resolve, Math.ceil(ms) + 1);
  });
  await Promise.race([running, late]);
  clearTimeout(timer);
}

function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
