import type { Kysely } from 'kysely';
import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { Rollout } from '@muster/rollouts/rollout-view';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { z } from 'zod';
import type { newRollout } from './rollout-schemas.ts';

/** Orders to a rollout under way. */
export const rolloutOrders = ['pause', 'resume', 'abort', 'rollback'] as const;
export type RolloutOrder = (typeof rolloutOrders)[number];

/** What people do to rollouts. Each change is in the audit log before it takes effect. */
export class RolloutChanges {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #rollouts: RolloutService;

  constructor(deps: { db: Kysely<Database>; audit: Audit; rollouts: RolloutService }) {
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#rollouts = deps.rollouts;
  }

  async start(actor: Actor, input: z.output<typeof newRollout>): Promise<Rollout> {
    return transact(this.#db, async (tx) => {
      const { fleet, ...detail } = input;
      await this.#audit.record(tx, { actor, action: 'rollouts.start', resource: `fleet/${fleet}`, detail });
      return this.#rollouts.start(tx, actor, input);
    });
  }

  async order(actor: Actor, order: RolloutOrder, id: string): Promise<Rollout> {
    return transact(this.#db, async (tx) => {
      await this.#audit.record(tx, { actor, action: `rollouts.${order}`, resource: `rollout/${id}` });
      return this.#rollouts[order](tx, actor, id);
    });
  }
}
