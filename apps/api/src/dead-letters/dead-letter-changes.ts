import type { Kysely } from 'kysely';
import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { DeadLetter } from '@muster/messages/dead-letters';
import { NotReplayable, UnknownDeadLetter } from '@muster/messages/errors';
import type { EventBus } from '@muster/messages/event-bus';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import { rolloutStep } from '@muster/rollouts/failed-steps';

/** What people do to dead letters. Each change is in the audit log before it takes effect. */
export class DeadLetterChanges {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #bus: EventBus;
  readonly #queue: BatchQueue;

  constructor(deps: { db: Kysely<Database>; audit: Audit; bus: EventBus; queue: BatchQueue }) {
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#bus = deps.bus;
    this.#queue = deps.queue;
  }

  /**
   * Hands it to those again who could not take it, and forgets it: if they still cannot, it comes back.
   *
   * @throws UnknownDeadLetter, NotReplayable when its payload is gone
   */
  async replay(actor: Actor, id: string): Promise<void> {
    const { deadLetters } = this.#bus;
    const letter = await this.find(id);
    const payload = await deadLetters.payloadOf(id);
    if (payload === null || letter.bytes === 0) {
      throw new NotReplayable('what was set aside is not there any more: delete the entry');
    }
    await this.#record(actor, 'replay', letter);
    if (letter.subject === rolloutStep.subject) {
      // First, so that a rollout at rest finds it gone; a call that is lost then is made up for within 30 s.
      await deadLetters.remove(id);
      return this.#queue.schedule(Buffer.from(payload).toString(), Date.now());
    }
    // Afterwards, so that nothing is lost in between; coming twice does no harm.
    await this.#bus.replay(letter, payload);
    await deadLetters.remove(id);
  }

  /** @throws UnknownDeadLetter */
  async delete(actor: Actor, id: string): Promise<void> {
    await this.#record(actor, 'delete', await this.find(id));
    await this.#bus.deadLetters.remove(id);
  }

  /** @throws UnknownDeadLetter */
  async find(id: string): Promise<DeadLetter> {
    const letter = await this.#bus.deadLetters.find(id);
    if (!letter) throw new UnknownDeadLetter(id);
    return letter;
  }

  async #record(actor: Actor, verb: 'replay' | 'delete', letter: DeadLetter): Promise<void> {
    const { id, subject, group, agent } = letter;
    await transact(this.#db, (tx) =>
      this.#audit.record(tx, {
        actor,
        action: `dead-letters.${verb}`,
        resource: `dead-letter/${id}`,
        detail: { subject, group, ...(agent !== null && { agent }) },
      }),
    );
  }
}
