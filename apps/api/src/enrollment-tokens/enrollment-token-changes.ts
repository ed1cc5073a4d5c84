import type { Kysely } from 'kysely';
import type { AccessService } from '@muster/access/access-service';
import type { Actor } from '@muster/access/actor';
import { findCredentials } from '@muster/agents/credential-shapes';
import { checkLabels } from '@muster/agents/labels';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { z } from 'zod';
import type { EnrollmentToken } from '@muster/access/enrollment-token';
import { InvalidRequest } from '../http/errors.ts';
import type { newEnrollmentToken } from './enrollment-token-schemas.ts';

/** What people do to enrollment tokens; the access service puts it in the audit log. */
export class EnrollmentTokenChanges {
  readonly #db: Kysely<Database>;
  readonly #access: AccessService;

  constructor(deps: { db: Kysely<Database>; access: AccessService }) {
    this.#db = deps.db;
    this.#access = deps.access;
  }

  /** @throws InvalidLabel, InvalidRequest */
  async create(
    actor: Actor,
    { name, labels, expiresAt, maxUses, mayTakeOver }: z.output<typeof newEnrollmentToken>,
  ): Promise<{ id: string; token: string }> {
    const [found] = findCredentials(name);
    if (found)
      throw new InvalidRequest({ field: 'name', detail: `a name holds no credentials (${found.kind})` });
    checkLabels(labels ?? {});
    const limits = { expiresAt: expiresAt ?? undefined, maxUses: maxUses ?? undefined };
    const token = { name, labels, ...limits, mayTakeOver };
    return transact(this.#db, (tx) => this.#access.createEnrollmentToken(tx, actor, token));
  }

  /**
   * Answers the token as it is then.
   *
   * @throws UnknownEnrollmentToken
   * @throws EnrollmentTokenRevoked
   */
  async change(actor: Actor, id: string, change: { mayTakeOver: boolean }): Promise<EnrollmentToken> {
    await transact(this.#db, (tx) => this.#access.changeEnrollmentToken(tx, actor, id, change));
    const tokens = await this.#access.listEnrollmentTokens();
    return tokens.find((token) => token.id === id)!;
  }

  async revoke(actor: Actor, id: string): Promise<void> {
    await transact(this.#db, (tx) => this.#access.revokeEnrollmentToken(tx, actor, id));
  }
}
