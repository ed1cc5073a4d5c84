import { sql, type Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';

/** Keys people and automation sign in with. */
export class ApiKeyStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The name of the key with this hash; null when there is none or it was revoked. Notes the use, to the minute. */
  async use(secretHash: Buffer): Promise<{ id: string; name: string } | null> {
    const key = await this.#db
      .selectFrom('api_keys')
      .select(['api_keys.id', 'api_keys.name', 'api_keys.last_used_at'])
      .where('api_keys.secret_hash', '=', secretHash)
      .where('api_keys.revoked_at', 'is', null)
      .executeTakeFirst();
    if (!key) return null;
    if (!key.last_used_at || Date.now() - key.last_used_at.getTime() > 60_000) await this.#noteUse(key.id);
    return { id: key.id, name: key.name };
  }

  async #noteUse(id: string): Promise<void> {
    await this.#db
      .updateTable('api_keys')
      .set({ last_used_at: sql<Date>`now()` })
      .where('api_keys.id', '=', id)
      .execute();
  }

  /** Whether any key, or any with this hash, revoked or not, exists. */
  async exists(tx: Tx, secretHash?: Buffer): Promise<boolean> {
    const row = await tx.db
      .selectFrom('api_keys')
      .select('api_keys.id')
      .$if(secretHash !== undefined, (query) => query.where('api_keys.secret_hash', '=', secretHash!))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  async insert(
    tx: Tx,
    key: { id: string; name: string; secretHash: Buffer; preset: boolean },
  ): Promise<void> {
    await tx.db
      .insertInto('api_keys')
      .values({ id: key.id, name: key.name, secret_hash: key.secretHash, preset: key.preset })
      .execute();
  }

  /** Revokes all preset keys but the one with this hash, if that lets anybody in itself. Returns their ids. */
  async revokeOtherPresets(tx: Tx, secretHash: Buffer): Promise<string[]> {
    const revoked = await tx.db
      .updateTable('api_keys')
      .set({ revoked_at: sql<Date>`now()` })
      .where('preset', '=', true)
      .where('revoked_at', 'is', null)
      .where('secret_hash', '!=', secretHash)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('api_keys as own')
            .select('own.id')
            .where('own.secret_hash', '=', secretHash)
            .where('own.revoked_at', 'is', null),
        ),
      )
      .returning('id')
      .execute();
    return revoked.map(({ id }) => id);
  }

  /** Which of these hashes are of keys that let in. */
  async holding(secretHashes: readonly Buffer[]): Promise<Buffer[]> {
    const keys = await this.#db
      .selectFrom('api_keys')
      .select('secret_hash')
      .where('secret_hash', 'in', secretHashes)
      .where('revoked_at', 'is', null)
      .execute();
    return keys.map((key) => key.secret_hash);
  }
}
