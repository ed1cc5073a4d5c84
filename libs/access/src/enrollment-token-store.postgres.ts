import { sql, type Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import type { EnrollmentToken, NewEnrollmentToken, TokenTerms } from './enrollment-token.ts';

const terms = [
  'enrollment_tokens.id',
  'enrollment_tokens.max_uses as maxUses',
  'enrollment_tokens.expires_at as expiresAt',
  'enrollment_tokens.revoked_at as revokedAt',
  'enrollment_tokens.may_take_over as mayTakeOver',
] as const;

/** An agent that was given another uid has a row for each. */
const countAgents = sql<number>`count(distinct coalesce(enrollments.former, enrollments.uid))::int`;

export class EnrollmentTokenStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Oldest first. Uses of a token without a limit are counted on the agents, for nobody counts them as they come. */
  async list(): Promise<EnrollmentToken[]> {
    return this.#db
      .selectFrom('enrollment_tokens')
      .leftJoin(
        (from) =>
          from
            .selectFrom('agents')
            .select(['agents.enrollment_token_id', sql<number>`count(*)::int`.as('count')])
            .groupBy('agents.enrollment_token_id')
            .as('agents_in'),
        (join) => join.onRef('agents_in.enrollment_token_id', '=', 'enrollment_tokens.id'),
      )
      .leftJoin(
        (from) =>
          from
            .selectFrom('enrollments')
            .select(['enrollments.enrollment_token_id', countAgents.as('count')])
            .groupBy('enrollments.enrollment_token_id')
            .as('counted'),
        (join) => join.onRef('counted.enrollment_token_id', '=', 'enrollment_tokens.id'),
      )
      .select([
        'enrollment_tokens.id',
        'enrollment_tokens.name',
        'enrollment_tokens.labels',
        'enrollment_tokens.expires_at as expiresAt',
        'enrollment_tokens.max_uses as maxUses',
        sql<number>`coalesce(case when enrollment_tokens.max_uses is null then agents_in.count else counted.count end, 0)`.as(
          'uses',
        ),
        'enrollment_tokens.created_at as createdAt',
        'enrollment_tokens.created_by as createdBy',
        'enrollment_tokens.revoked_at as revokedAt',
        'enrollment_tokens.may_take_over as mayTakeOver',
      ])
      .orderBy('enrollment_tokens.id')
      .execute();
  }

  async findBySecret(secretHash: Buffer): Promise<TokenTerms | null> {
    const row = await this.#db
      .selectFrom('enrollment_tokens')
      .select(terms)
      .where('enrollment_tokens.secret_hash', '=', secretHash)
      .executeTakeFirst();
    return row ?? null;
  }

  /** Those that are neither revoked nor expired, newest first. */
  async accepted(limit: number): Promise<(TokenTerms & { secretHash: Buffer })[]> {
    return this.#db
      .selectFrom('enrollment_tokens')
      .select([...terms, 'enrollment_tokens.secret_hash as secretHash'])
      .where('enrollment_tokens.revoked_at', 'is', null)
      .where((where) =>
        where.or([
          where('enrollment_tokens.expires_at', 'is', null),
          where('enrollment_tokens.expires_at', '>', sql<Date>`now()`),
        ]),
      )
      .orderBy('enrollment_tokens.id', 'desc')
      .limit(limit)
      .execute();
  }

  /** Reads a token and keeps others from changing or counting it until the transaction ends. */
  async lock(tx: Tx, id: string): Promise<TokenTerms | null> {
    const row = await tx.db
      .selectFrom('enrollment_tokens')
      .select(terms)
      .where('enrollment_tokens.id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    return row ?? null;
  }

  /** Whether any token, or any with this hash, revoked or not, exists. */
  async exists(tx: Tx, secretHash?: Buffer): Promise<boolean> {
    const row = await tx.db
      .selectFrom('enrollment_tokens')
      .select('enrollment_tokens.id')
      .$if(secretHash !== undefined, (query) =>
        query.where('enrollment_tokens.secret_hash', '=', secretHash!),
      )
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  async insert(
    tx: Tx,
    token: NewEnrollmentToken & { id: string; secretHash: Buffer; createdBy: string },
  ): Promise<void> {
    await tx.db
      .insertInto('enrollment_tokens')
      .values({
        id: token.id,
        name: token.name,
        secret_hash: token.secretHash,
        labels: JSON.stringify(token.labels ?? {}),
        max_uses: token.maxUses ?? null,
        expires_at: token.expiresAt ?? null,
        created_by: token.createdBy,
        may_take_over: token.mayTakeOver ?? false,
      })
      .execute();
  }

  async setMayTakeOver(tx: Tx, id: string, mayTakeOver: boolean): Promise<void> {
    await tx.db
      .updateTable('enrollment_tokens')
      .set({ may_take_over: mayTakeOver })
      .where('enrollment_tokens.id', '=', id)
      .execute();
  }

  async revoke(tx: Tx, id: string): Promise<void> {
    await tx.db
      .updateTable('enrollment_tokens')
      .set({ revoked_at: sql<Date>`now()` })
      .where('enrollment_tokens.id', '=', id)
      .execute();
  }

  async isEnrolled(tx: Tx, id: string, uid: string): Promise<boolean> {
    const row = await tx.db
      .selectFrom('enrollments')
      .select('enrollments.uid')
      .where('enrollments.enrollment_token_id', '=', id)
      .where('enrollments.uid', '=', uid)
      .executeTakeFirst();
    return row !== undefined;
  }

  async countEnrolled(tx: Tx, id: string): Promise<number> {
    const row = await tx.db
      .selectFrom('enrollments')
      .select(countAgents.as('count'))
      .where('enrollments.enrollment_token_id', '=', id)
      .executeTakeFirstOrThrow();
    return row.count;
  }

  /** Has this token let the agent in, as the fleet knows it? */
  async hasAgent(tx: Tx, id: string, uid: string): Promise<boolean> {
    const row = await tx.db
      .selectFrom('agents')
      .select('agents.uid')
      .where('agents.uid', '=', uid)
      .where('agents.enrollment_token_id', '=', id)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Agents that this token let in: those of the fleet, and those that were counted as they came. */
  async countAgents(id: string): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      select count(*)::int as count from (
        select uid from agents where enrollment_token_id = ${id}
        union select coalesce(former, uid) from enrollments where enrollment_token_id = ${id}
      ) as let_in`.execute(this.#db);
    return rows[0]!.count;
  }

  async addEnrolled(tx: Tx, id: string, uid: string, former: string | null = null): Promise<void> {
    await tx.db.insertInto('enrollments').values({ enrollment_token_id: id, uid, former }).execute();
  }
}
