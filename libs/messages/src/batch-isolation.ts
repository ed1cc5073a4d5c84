import type { BusLog } from './bus-log.ts';
import { partsOfFact } from './fact-parts.ts';
import { HandlerHung, describeFailure, kindOfFailure, placeOf } from './failures.ts';
import type { Facts } from './vocabulary.ts';

/** So often a fact is tried before it is set aside. */
export const maxTries = 3;
/** How long a handler may take before its batch counts as failed, unless a bus is told otherwise. */
export const defaultPatienceMs = 60_000;
/** A handler that runs while its member stops is waited for so long. */
const farewellMs = 4_000;
/** So many set aside with nothing handled in between: it may not be their fault. */
const suspiciousRow = 20;
const longestBrakeMs = 5_000;
const signaturesKept = 100;
const signatureHoldsMs = 10 * 60_000;

export interface IsolationOptions<S extends keyof Facts> {
  subject: S;
  group: string;
  handle: (facts: Facts[S][]) => Promise<void>;
  /** Keeps what no handler took. Rejects when that is not possible now; it is called again then. */
  setAside: (fact: Facts[S], failure: { error: string; tries: number }) => Promise<void>;
  retryPauseMs: number;
  patienceMs: number;
  /** Aborted when the member stops. */
  stopped: AbortSignal;
  /** Resolves after so many ms, or when the member stops. */
  pause: (ms: number) => Promise<void>;
  log: BusLog;
}

type Outcome = { taken: true } | { taken: false; error: unknown } | 'stopped';

/**
 * Hands batches to a handler so that no fact keeps the others from being handled. What fails for something
 * that is away is tried again as it is, as long as that lasts. What fails otherwise is halved, down to the one
 * report or agent, which is set aside after three tries. Everything else is handled in its order.
 */
export class BatchIsolation<S extends keyof Facts> {
  private readonly options: IsolationOptions<S>;
  /** Failures that were the fault of single facts while others were handled: no pause helps against them. */
  private readonly signatures = new Map<string, number>();
  private asideInARow = 0;
  /** Something of the batch in hand was handled. */
  private anyTaken = false;

  constructor(options: IsolationOptions<S>) {
    this.options = options;
  }

  /** Answers how many facts, from the first, have been handled or set aside: all, unless the member stops. */
  async take(facts: Facts[S][]): Promise<number> {
    this.anyTaken = false;
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.attempt(facts);
      if (outcome === 'stopped') return 0;
      if (outcome.taken) return facts.length;
      const { error } = outcome;
      if (tries >= maxTries || this.isSure(error)) return this.takeApart(facts, error, tries);
      await this.options.pause(this.options.retryPauseMs);
      if (this.stopping) return 0;
    }
  }

  private get stopping(): boolean {
    return this.options.stopped.aborted;
  }

  /** These facts failed together. Answers how many have been seen to, as `take` does. */
  private async takeApart(facts: Facts[S][], failure: unknown, tries: number): Promise<number> {
    if (facts.length === 1) return (await this.takeOneApart(facts[0]!, failure, tries)) ? 1 : 0;
    let done = 0;
    for (const some of divided(facts, failure)) {
      const seen = await this.takeSome(some, tries);
      done += seen;
      if (seen < some.length) return done;
    }
    return done;
  }

  private async takeSome(facts: Facts[S][], tries: number): Promise<number> {
    const outcome = await this.attempt(facts);
    if (outcome === 'stopped') return 0;
    return outcome.taken ? facts.length : this.takeApart(facts, outcome.error, tries + 1);
  }

  /** False when the member stops first. */
  private async takeOneApart(fact: Facts[S], failure: unknown, tries: number): Promise<boolean> {
    const parts = partsOfFact(this.options.subject, fact);
    if (parts.length > 1) return (await this.takeApart(parts, failure, tries)) === parts.length;
    let error = failure;
    let tried = tries;
    while (tried < maxTries) {
      if (!this.isSure(error)) await this.options.pause(this.options.retryPauseMs);
      if (this.stopping) return false;
      const outcome = await this.attempt([fact]);
      if (outcome === 'stopped') return false;
      if (outcome.taken) return true;
      error = outcome.error;
      tried += 1;
    }
    return this.setAside(fact, error, tried);
  }

  private async setAside(fact: Facts[S], error: unknown, tries: number): Promise<boolean> {
    const { subject, group, log, pause, retryPauseMs } = this.options;
    for (;;) {
      try {
        await this.options.setAside(fact, { error: describeFailure(error), tries });
        break;
      } catch (cause) {
        log.warn(
          { error: describeFailure(cause), subject, group },
          'a dead letter cannot be kept now; trying again',
        );
      }
      await pause(retryPauseMs);
      if (this.stopping) return false;
    }
    this.asideInARow += 1;
    if (this.anyTaken) this.remember(error);
    if (this.asideInARow >= suspiciousRow) {
      const brakeMs = Math.min(retryPauseMs * 2 ** (this.asideInARow - suspiciousRow), longestBrakeMs);
      log.warn({ subject, group, brakeMs }, 'a consumer takes nothing at all; going slowly');
      await pause(brakeMs);
    }
    return true;
  }

  /** Calls the handler, again and again while something is away. */
  private async attempt(facts: Facts[S][]): Promise<Outcome> {
    const { subject, group, log, pause, retryPauseMs } = this.options;
    for (;;) {
      try {
        await this.call(facts);
        this.asideInARow = 0;
        this.anyTaken = true;
        return { taken: true };
      } catch (error) {
        const kind = kindOfFailure(error);
        const detail = { error: describeFailure(error), at: placeOf(error), kind, facts: facts.length };
        log.warn({ subject, group, ...detail }, 'a consumer failed; its facts will come again');
        if (this.stopping) return 'stopped';
        if (kind !== 'transient') return { taken: false, error };
      }
      await pause(retryPauseMs);
      if (this.stopping) return 'stopped';
    }
  }

  /** Rejects with `HandlerHung` when the handler takes too long; what it does then is not waited for. */
  private async call(facts: Facts[S][]): Promise<void> {
    const { handle, patienceMs, stopped } = this.options;
    let timer: NodeJS.Timeout | undefined;
    let leave = () => {};
    const late = new Promise<never>((_, reject) => {
      const wait = (ms: number) => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(new HandlerHung(ms)), ms);
      };
      leave = () => wait(Math.min(farewellMs, patienceMs));
      wait(patienceMs);
      if (stopped.aborted) leave();
      else stopped.addEventListener('abort', leave, { once: true });
    });
    try {
      await Promise.race([handle(facts), late]);
    } finally {
      clearTimeout(timer);
      stopped.removeEventListener('abort', leave);
    }
  }

  /** Trying the same again, or waiting, will not help. */
  private isSure(error: unknown): boolean {
    if (error instanceof HandlerHung || kindOfFailure(error) === 'data') return true;
    return (this.signatures.get(signatureOf(error)) ?? 0) > Date.now() - signatureHoldsMs;
  }

  private remember(error: unknown): void {
    const signature = signatureOf(error);
    this.signatures.delete(signature);
    this.signatures.set(signature, Date.now());
    const [oldest] = this.signatures.keys();
    if (this.signatures.size > signaturesKept) this.signatures.delete(oldest!);
  }
}

/** Failures of the same kind have the same one. */
function signatureOf(error: unknown): string {
  return describeFailure(error).replaceAll(/\d+/g, '#');
}

/** Halves; one by one where each failure costs as much as a handler may take. */
function divided<T>(facts: readonly T[], failure: unknown): T[][] {
  if (failure instanceof HandlerHung) return facts.map((fact) => [fact]);
  const middle = Math.ceil(facts.length / 2);
  return [facts.slice(0, middle), facts.slice(middle)];
}
