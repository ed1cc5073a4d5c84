import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { createProcessLog } from './log.ts';
import { whenNpmIsGone } from './npm-parent.ts';
import type { Running } from './running.ts';

/**
 * V8 compiles a function for speed, on other threads, once it has run this often: `soon` is its default, right
 * for little code that runs all the time. A service's start and first thousand agents run very much code a little:
 * at the default compiling it took a quarter of their CPU, and much of it was for nothing.
 */
const callsBeforeOptimization = { soon: 3_000, late: 15_000 };

/**
 * How long a process may take to stop before it is cut off, milliseconds, beside what its parts ask for
 * (`stopsWithinMs`): connections are closed, and what is away is waited for a little. The grace periods of the
 * manifests are longer.
 */
export const stopMarginMs = 15_000;

/** Ctrl-C comes from the terminal and again from the npm in between: only a later signal means "at once". */
const sameSignalMs = 500;

/** A failure with a `code` and a message made for people: the cause and the way out in one line. */
function isForPeople(error: unknown): error is Error & { code: string } {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string';
}

/**
 * Runs a process from start to end: starts it, waits for SIGINT or SIGTERM, stops it. A start that
 * fails for a reason people can mend prints one line and exits 1; no stack trace. A second signal
 * exits at once. `start` is told by `asked` that it need not go on: it may reject then.
 * `optimization`: see `callsBeforeOptimization`.
 */
export async function runProcess(
  start: (asked: AbortSignal) => Promise<Running>,
  optimization: keyof typeof callsBeforeOptimization = 'late',
): Promise<void> {
  setFlagsFromString(`--invocation-count-for-turbofan=${callsBeforeOptimization[optimization]}`);
  let askedAt = 0;
  const asked = new AbortController();
  const cutAfter = (ms: number) =>
    setTimeout(() => {
      createProcessLog().error({ afterMs: ms }, 'did not stop in time; ending now');
      process.exit(1);
    }, ms);
  let cut: NodeJS.Timeout | undefined;
  const onSignal = () => {
    if (askedAt !== 0 && Date.now() - askedAt > sameSignalMs) process.exit(130);
    askedAt ||= Date.now();
    cut ??= cutAfter(stopMarginMs);
    asked.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('disconnect', onSignal); // started by another process of ours, which is gone
  whenNpmIsGone(onSignal);
  process.on('unhandledRejection', (reason) => {
    createProcessLog().error({ err: reason }, 'unhandled rejection');
  });

  let running: Running;
  try {
    running = await start(asked.signal);
  } catch (error) {
    if (asked.signal.aborted) process.exit(0);
    process.stderr.write(`muster: ${describeFailure(error)}\n`);
    process.exit(1);
  }
  if (!asked.signal.aborted) await once(asked.signal, 'abort');
  clearTimeout(cut);
  cutAfter((running.stopsWithinMs ?? 0) + stopMarginMs);
  await running.stop().catch((error: unknown) => createProcessLog().error({ err: error }, 'stopping failed'));
  process.exit(0);
}

/** One line for people: the message of an error made for them, or the bare cause of any other. */
export function describeFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.split('\n')[0] ?? '';
  return isForPeople(error) ? line : `could not start: ${line}`;
}

/** Takes a started part in: it is stopped with the whole. */
export type Keep = <Part extends Running>(part: Part) => Part;

/**
 * Builds a whole from parts. What `build` keeps is stopped in reverse order: when the whole is stopped, or
 * when a later part fails to start. A part that fails to stop does not keep the others running.
 */
export async function assemble(build: (keep: Keep) => Promise<void>): Promise<Running> {
  const parts: Running[] = [];
  const whole = {
    stop: () => stopAll(parts.toReversed()),
    get stopsWithinMs() {
      return parts.reduce((sum, part) => sum + (part.stopsWithinMs ?? 0), 0);
    },
  };
  try {
    await build((part) => {
      parts.push(part);
      return part;
    });
  } catch (error) {
    await whole.stop().catch(() => {});
    throw error;
  }
  return whole;
}

async function stopAll(parts: readonly Running[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts) {
    try {
      await part.stop();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'parts failed to stop');
}
