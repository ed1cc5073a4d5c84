import type { DeadLetters } from '@muster/messages/dead-letters';
import { HandlerHung, describeFailure, kindOfFailure } from '@muster/messages/failures';

/** What a step of a rollout is called among dead letters; its payload is the id of the rollout. */
export const rolloutStep = { subject: 'rollouts.advance', group: 'rollouts' };

/** So often a step is tried before it counts as set aside. */
export const maxStepTries = 5;
/** How long a step may take. */
export const stepPatienceMs = 5 * 60_000;

/** Which dead letter tells of a rollout's step. */
export interface KnownLetters {
  get(rolloutId: string): Promise<string | null>;
  set(rolloutId: string, letter: string): Promise<void>;
  delete(rolloutId: string): Promise<void>;
}

/**
 * Tells of steps that fail again and again, in one dead letter a rollout. The clock then lets go of such a step;
 * whatever else wakes the rollout tries it once more, and a step that succeeds takes the letter back.
 */
export class FailedSteps {
  readonly #deadLetters: DeadLetters;
  readonly #known: KnownLetters;

  constructor(deadLetters: DeadLetters, known: KnownLetters) {
    this.#deadLetters = deadLetters;
    this.#known = known;
  }

  /** True: a letter told of the rollout, and a person took it away. */
  async isForgiven(rolloutId: string): Promise<boolean> {
    const known = await this.#known.get(rolloutId);
    if (known === null || (await this.#deadLetters.find(known)) !== null) return false;
    await this.#known.delete(rolloutId);
    return true;
  }

  async setAside(rolloutId: string, error: unknown, tries: number): Promise<void> {
    const known = await this.#known.get(rolloutId);
    if (known !== null && (await this.#deadLetters.find(known)) !== null) return;
    const payload = Buffer.from(rolloutId);
    const letter = { ...rolloutStep, error: describeFailure(error), tries, agent: null, payload };
    await this.#known.set(rolloutId, await this.#deadLetters.add(letter));
  }

  async succeeded(rolloutId: string): Promise<void> {
    const known = await this.#known.get(rolloutId);
    if (known === null) return;
    await this.#deadLetters.remove(known);
    await this.#known.delete(rolloutId);
  }
}

/** Does trying the step again soon help? */
export function isWorthATry(error: unknown, failures: number): boolean {
  return kindOfFailure(error) === 'transient' || failures < maxStepTries;
}

/** Rejects with `HandlerHung` when a step takes too long; what it does then is not waited for. */
export async function inPatience(step: Promise<void>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new HandlerHung(patienceMs)), patienceMs);
  });
  try {
    await Promise.race([step, late]);
  } finally {
    clearTimeout(timer);
  }
}
