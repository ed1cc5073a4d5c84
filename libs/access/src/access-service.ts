import type { Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import { transact, type Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import type { EventBus } from '@muster/messages/event-bus';
import type { AcceptedTokens, TokenVerdict } from '@muster/messages/vocabulary';
import { lockFirstCredentials } from './access-lock.postgres.ts';
import type { Actor } from './actor.ts';
import type { ApiKeyStore } from './api-key-store.postgres.ts';
import type { Audit } from './audit.postgres.ts';
import {
  judge,
  toVerdict,
  type EnrollmentToken,
  type NewEnrollmentToken,
  type TokenTerms,
} from './enrollment-token.ts';
import type { EnrollmentTokenStore } from './enrollment-token-store.postgres.ts';
import { EnrollmentTokenRevoked, UnknownEnrollmentToken } from './errors.ts';
import { hashSecret, newSecret } from './secret.ts';
import type { SessionStore } from './session-store.postgres.ts';
import type { TokenAgents } from './token-agents.ts';

export const sessionHours = 12;
/** Gateways are told of so many tokens, which fit a bus message; they ask about others one by one. */
const tokensTold = 2_000;

/** What `ensure…` found or made. */
export interface EnsuredCredential {
  created: boolean;
  /** The secret, when one was made up here; null when it was given or exists already. */
  token: string | null;
}

/** Who gets in: API keys and sessions for people, enrollment tokens for agents. Only hashes are stored. */
export class AccessService {
  readonly #db: Kysely<Database>;
  readonly #bus: EventBus;
  readonly #keys: ApiKeyStore;
  readonly #sessions: SessionStore;
  readonly #tokens: EnrollmentTokenStore;
  readonly #tokenAgents: TokenAgents;
  readonly #audit: Audit;

  constructor(deps: {
    db: Kysely<Database>;
    bus: EventBus;
    keys: ApiKeyStore;
    sessions: SessionStore;
    tokens: EnrollmentTokenStore;
    tokenAgents: TokenAgents;
    audit: Audit;
  }) {
    this.#db = deps.db;
    this.#bus = deps.bus;
    this.#keys = deps.keys;
    this.#sessions = deps.sessions;
    this.#tokens = deps.tokens;
    this.#tokenAgents = deps.tokenAgents;
    this.#audit = deps.audit;
  }

  /**
   * Makes the key `admin` when there is no key at all, or takes the preset in when it is new. A preset takes the
   * place of the one before, for good: a process that still starts with the former one changes nothing.
   */
  async ensureAdminKey(preset?: string): Promise<EnsuredCredential> {
    const ensured = await this.#ensure(this.#keys, 'admin', preset, async (tx, secretHash) => {
      const key = { id: uuidV7(), name: 'admin', secretHash, preset: preset !== undefined };
      await this.#audit.record(tx, {
        actor: 'system',
        action: 'api-keys.create',
        resource: `api-key/${key.id}`,
        detail: { name: key.name, preset: key.preset },
      });
      await this.#keys.insert(tx, key);
    });
    if (preset !== undefined) await this.#endOtherPresets(hashSecret(preset));
    return ensured;
  }

  async #endOtherPresets(secretHash: Buffer): Promise<void> {
    await transact(this.#db, async (tx) => {
      await lockFirstCredentials(tx);
      for (const id of await this.#keys.revokeOtherPresets(tx, secretHash)) {
        await this.#audit.record(tx, {
          actor: 'system',
          action: 'api-keys.revoke',
          resource: `api-key/${id}`,
          detail: { replaced: true },
        });
        tx.afterCommit(() => this.#bus.broadcast('access.credentials-ended', { apiKeyId: id }));
      }
    });
  }

  /** Makes the enrollment token `default` when there is none at all, or takes the preset in when it is new. */
  async ensureEnrollmentToken(preset?: string): Promise<EnsuredCredential> {
    return this.#ensure(this.#tokens, 'enroll', preset, async (tx, secretHash) => {
      await this.#addToken(tx, 'system', { name: 'default' }, secretHash, { preset: preset !== undefined });
    });
  }

  async #ensure(
    store: { exists(tx: Tx, secretHash?: Buffer): Promise<boolean> },
    kind: 'admin' | 'enroll',
    preset: string | undefined,
    insert: (tx: Tx, secretHash: Buffer) => Promise<void>,
  ): Promise<EnsuredCredential> {
    const secret = preset ?? newSecret(kind);
    return transact(this.#db, async (tx) => {
      await lockFirstCredentials(tx);
      const exists = await store.exists(tx, preset === undefined ? undefined : hashSecret(preset));
      if (exists) return { created: false, token: null };
      await insert(tx, hashSecret(secret));
      return { created: true, token: preset === undefined ? secret : null };
    });
  }

  /** Who presents this API key; null: nobody known. */
  async authenticate(secret: string): Promise<Actor | null> {
    const key = await this.#keys.use(hashSecret(secret));
    return key && `api-key:${key.name}`;
  }

  /** Signs in with an API key. The cookie is the session's secret, shown once; null: not a key. */
  async openSession(secret: string): Promise<{ cookie: string; expiresAt: Date; actor: Actor } | null> {
    const key = await this.#keys.use(hashSecret(secret));
    if (!key) return null;
    const cookie = newSecret('session');
    const expiresAt = new Date(Date.now() + sessionHours * 3_600_000);
    const actor: Actor = `session:${key.name}`;
    await transact(this.#db, async (tx) => {
      await this.#audit.record(tx, { actor, action: 'sessions.open', resource: `api-key/${key.id}` });
      await this.#sessions.insert(tx, { secretHash: hashSecret(cookie), apiKeyId: key.id, expiresAt });
    });
    return { cookie, expiresAt, actor };
  }

  /** Who holds this session; null: it is over or never was. */
  async authenticateSession(cookie: string): Promise<Actor | null> {
    const session = await this.#sessions.find(hashSecret(cookie));
    return session && `session:${session.keyName}`;
  }

  /** Which of these API keys and session cookies let in still, by the SHA-256 of their secrets, hex. */
  async holding(secretHashes: readonly string[]): Promise<Set<string>> {
    if (secretHashes.length === 0) return new Set();
    const hashes = secretHashes.map((text) => Buffer.from(text, 'hex'));
    const found = await Promise.all([this.#keys.holding(hashes), this.#sessions.holding(hashes)]);
    return new Set(found.flat().map((secretHash) => secretHash.toString('hex')));
  }

  /** Signs out. A session that is over already stays so. */
  async closeSession(cookie: string): Promise<void> {
    const session = await this.#sessions.find(hashSecret(cookie));
    if (!session) return;
    const actor: Actor = `session:${session.keyName}`;
    await transact(this.#db, async (tx) => {
      const resource = `api-key/${session.apiKeyId}`;
      await this.#audit.record(tx, { actor, action: 'sessions.close', resource });
      await this.#sessions.delete(tx, hashSecret(cookie));
      tx.afterCommit(() => this.#bus.broadcast('access.credentials-ended', { apiKeyId: session.apiKeyId }));
    });
  }

  /** The secret is in the answer and nowhere else. */
  async createEnrollmentToken(
    tx: Tx,
    actor: Actor,
    token: NewEnrollmentToken,
  ): Promise<{ id: string; token: string }> {
    const secret = newSecret('enroll');
    return { id: await this.#addToken(tx, actor, token, hashSecret(secret)), token: secret };
  }

  async #addToken(
    tx: Tx,
    actor: Actor,
    token: NewEnrollmentToken,
    secretHash: Buffer,
    detail: Record<string, unknown> = {},
  ): Promise<string> {
    const id = uuidV7();
    await this.#audit.record(tx, {
      actor,
      action: 'enrollment-tokens.create',
      resource: `enrollment-token/${id}`,
      detail: { ...token, ...detail },
    });
    await this.#tokens.insert(tx, { ...token, id, secretHash, createdBy: actor });
    const { expiresAt = null, maxUses = null, mayTakeOver = false } = token;
    const verdict = toVerdict({ id, expiresAt, maxUses, mayTakeOver, revokedAt: null });
    tx.afterCommit(() =>
      this.#bus.broadcast('access.token-created', { secretHash: secretHash.toString('hex'), verdict }),
    );
    return id;
  }

  async listEnrollmentTokens(): Promise<EnrollmentToken[]> {
    return this.#tokens.list();
  }

  /**
   * Lets nobody in by this token any more; gateways hear of it and end the connections that used it.
   * Revoking it again changes nothing.
   *
   * @throws UnknownEnrollmentToken
   */
  async revokeEnrollmentToken(tx: Tx, actor: Actor, id: string): Promise<void> {
    const token = await this.#tokens.lock(tx, id);
    if (!token) throw new UnknownEnrollmentToken(id);
    if (!token.revokedAt) {
      await this.#audit.record(tx, {
        actor,
        action: 'enrollment-tokens.revoke',
        resource: `enrollment-token/${id}`,
      });
      await this.#tokens.revoke(tx, id);
    }
    tx.afterCommit(() => this.#bus.broadcast('access.token-revoked', { id }));
  }

  /**
   * Allows, or forbids from now on, that agents of other tokens come in by this one; gateways hear of it.
   *
   * @throws UnknownEnrollmentToken
   * @throws EnrollmentTokenRevoked
   */
  async changeEnrollmentToken(
    tx: Tx,
    actor: Actor,
    id: string,
    { mayTakeOver }: { mayTakeOver: boolean },
  ): Promise<void> {
    const token = await this.#tokens.lock(tx, id);
    if (!token) throw new UnknownEnrollmentToken(id);
    if (token.revokedAt) throw new EnrollmentTokenRevoked(id);
    await this.#audit.record(tx, {
      actor,
      action: 'enrollment-tokens.update',
      resource: `enrollment-token/${id}`,
      detail: { mayTakeOver },
    });
    await this.#tokens.setMayTakeOver(tx, id, mayTakeOver);
    tx.afterCommit(() => this.#bus.broadcast('access.token-changed', { id, mayTakeOver }));
  }

  /** Judges an enrollment token for a gateway. `secretHash`: SHA-256 of the presented secret, hex. */
  async verifyToken(secretHash: string): Promise<TokenVerdict> {
    const judged = judge(await this.#tokens.findBySecret(Buffer.from(secretHash, 'hex')), Date.now());
    return judged.accepted ? this.#verdict(judged.token) : judged;
  }

  /** The newest tokens that let agents in, for gateways. `secretHash`: SHA-256 of the secret, hex. */
  async acceptedTokens(): Promise<AcceptedTokens> {
    const tokens = await this.#tokens.accepted(tokensTold);
    return Promise.all(
      tokens.map(async (token) => ({
        secretHash: token.secretHash.toString('hex'),
        verdict: await this.#verdict(token),
      })),
    );
  }

  /** A token without a limit of its own is as good as limited when it has let in nearly as many as any may. */
  async #verdict(token: TokenTerms): Promise<TokenVerdict> {
    const verdict = toVerdict(token);
    if (!verdict.accepted || verdict.limited) return verdict;
    return { ...verdict, limited: await this.#tokenAgents.isNear(token.id) };
  }

  /**
   * Whether this agent may come in by a token with a limit; counts it, the same agent once, also when it
   * was given another uid than its `former` one.
   */
  async enroll(
    enrollmentTokenId: string,
    uid: string,
    former?: string,
  ): Promise<{ accepted: boolean; reason?: string }> {
    return transact(this.#db, async (tx) => {
      const judged = judge(await this.#tokens.lock(tx, enrollmentTokenId), Date.now());
      if (!judged.accepted) return judged;
      const { token } = judged;
      if (await this.#tokens.isEnrolled(tx, token.id, uid)) return { accepted: true };
      if (former !== undefined && (await this.#tokens.isEnrolled(tx, token.id, former))) {
        await this.#tokens.addEnrolled(tx, token.id, uid, former);
        return { accepted: true };
      }
      if (token.maxUses !== null && (await this.#tokens.countEnrolled(tx, token.id)) >= token.maxUses) {
        return { accepted: false, reason: 'the enrollment token has been used as often as it may be' };
      }
      if (token.maxUses === null) {
        if (await this.#tokens.hasAgent(tx, token.id, uid)) return { accepted: true };
        if (await this.#tokenAgents.isFull(token.id))
          return { accepted: false, reason: 'the enrollment token has let in as many agents as one may' };
        this.#tokenAgents.add(token.id);
      }
      await this.#tokens.addEnrolled(tx, token.id, uid);
      return { accepted: true };
    });
  }
}
