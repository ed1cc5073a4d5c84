import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';

/** An open transaction, and what is to be done once it has committed. */
export interface Tx {
  readonly db: Transaction<Database>;
  /** Runs after the commit, in order, never after a rollback. A failure is the caller's to see, not to undo. */
  afterCommit(effect: () => Promise<void> | void): void;
}

/** Runs `work` in one transaction, then its effects. Effects run even when an earlier one failed; the first failure is thrown. */
export async function transact<T>(db: Kysely<Database>, work: (tx: Tx) => Promise<T>): Promise<T> {
  const effects: (() => Promise<void> | void)[] = [];
  const result = await db
    .transaction()
    .execute((transaction) => work({ db: transaction, afterCommit: (effect) => void effects.push(effect) }));
  let failure: unknown;
  for (const effect of effects) {
    try {
      await effect();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return result;
}
