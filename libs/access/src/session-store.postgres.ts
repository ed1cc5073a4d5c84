import type { Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';

/** Sign-ins of the web UI. A session ends with its key. */
export class SessionStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The key the session was opened with; null when it is over or never was. */
  async find(secretHash: Buffer): Promise<{ apiKeyId: string; keyName: string } | null> {
    const session = await this.#db
      .selectFrom('sessions')
      .innerJoin('api_keys', 'api_keys.id', 'sessions.api_key_id')
      .select(['api_keys.id as apiKeyId', 'api_keys.name as keyName'])
      .where('sessions.secret_hash', '=', secretHash)
      .where('sessions.expires_at', '>', new Date())
      .where('api_keys.revoked_at', 'is', null)
      .executeTakeFirst();
    return session ?? null;
  }

  /** Which of these hashes are of sessions that are open. */
  async holding(secretHashes: readonly Buffer[]): Promise<Buffer[]> {
    const sessions = await this.#db
      .selectFrom('sessions')
      .innerJoin('api_keys', 'api_keys.id', 'sessions.api_key_id')
      .select('sessions.secret_hash')
      .where('sessions.secret_hash', 'in', secretHashes)
      .where('sessions.expires_at', '>', new Date())
      .where('api_keys.revoked_at', 'is', null)
      .execute();
    return sessions.map((session) => session.secret_hash);
  }

  /** Adds a session and clears those that have expired. */
  async insert(tx: Tx, session: { secretHash: Buffer; apiKeyId: string; expiresAt: Date }): Promise<void> {
    await tx.db.deleteFrom('sessions').where('sessions.expires_at', '<', new Date()).execute();
    await tx.db
      .insertInto('sessions')
      .values({
        secret_hash: session.secretHash,
        api_key_id: session.apiKeyId,
        expires_at: session.expiresAt,
      })
      .execute();
  }

  async delete(tx: Tx, secretHash: Buffer): Promise<void> {
    await tx.db.deleteFrom('sessions').where('sessions.secret_hash', '=', secretHash).execute();
  }
}
