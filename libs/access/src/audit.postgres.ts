import type { Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import { InvalidCursor } from './errors.ts';

export interface AuditEvent {
  id: string;
  at: Date;
  actor: string;
  /** capability.verb: configurations.create, rollouts.pause, … */
  action: string;
  /** kind/name */
  resource: string;
  detail: Record<string, unknown>;
}

const uuidText = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What people and keys changed. Events are only ever added. */
export class Audit {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /**
   * Notes a change in the transaction that makes it, before it is made. `detail` must hold no secret. An `id` (a UUIDv7) is
   * for what is told at least once: an event of the same id is noted once.
   */
  async record(
    tx: Tx,
    event: { actor: string; action: string; resource: string; detail?: Record<string, unknown>; id?: string },
  ): Promise<void> {
    await tx.db
      .insertInto('audit_events')
      .values({
        id: event.id ?? uuidV7(),
        actor: event.actor,
        action: event.action,
        resource: event.resource,
        detail: JSON.stringify(event.detail ?? {}),
      })
      .$if(event.id !== undefined, (query) =>
        query.onConflict((conflict) => conflict.column('id').doNothing()),
      )
      .execute();
  }

  /** The same for what is told at least once: an event of this action on this resource is noted once. */
  async recordOnce(tx: Tx, event: Parameters<Audit['record']>[1]): Promise<void> {
    const known = await tx.db
      .selectFrom('audit_events')
      .select('audit_events.id')
      .where('audit_events.resource', '=', event.resource)
      .where('audit_events.action', '=', event.action)
      .limit(1)
      .executeTakeFirst();
    if (!known) await this.record(tx, event);
  }

  /**
   * Newest first; `next` is null on the last page.
   *
   * @throws InvalidCursor when `after` is not a `next` of this list.
   */
  async page(query: {
    resource?: string | undefined;
    limit: number;
    after?: string | undefined;
  }): Promise<{ items: AuditEvent[]; next: string | null }> {
    const { resource, limit, after } = query;
    if (after !== undefined && !uuidText.test(after)) throw new InvalidCursor();
    const rows = await this.#db
      .selectFrom('audit_events')
      .select([
        'audit_events.id',
        'audit_events.at',
        'audit_events.actor',
        'audit_events.action',
        'audit_events.resource',
        'audit_events.detail',
      ])
      .$if(resource !== undefined, (select) => select.where('audit_events.resource', '=', resource!))
      .$if(after !== undefined, (select) => select.where('audit_events.id', '<', after!))
      .orderBy('audit_events.id', 'desc')
      .limit(limit + 1)
      .execute();
    const items = rows.slice(0, limit);
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }
}
