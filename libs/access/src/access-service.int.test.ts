import { createHash, randomUUID } from 'node:crypto';
import { transact } from '@muster/db/transaction';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AccessService } from './access-service.ts';
import type { Audit } from './audit.postgres.ts';
import { InvalidCursor, UnknownEnrollmentToken } from './errors.ts';
import { answerTokenRequests, wireAccess } from './wire.ts';

let database: TestDatabase;
let access: AccessService;
let audit: Audit;
let bus: ReturnType<typeof createMemoryEventBus>;

beforeEach(async () => {
  database = await createTestDatabase();
  bus = createMemoryEventBus();
  ({ access, audit } = wireAccess({ db: database.db, bus }));
});
afterEach(async () => {
  vi.useRealTimers();
  await bus.close();
  await database.drop();
});

const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');
const newToken = (token: Parameters<AccessService['createEnrollmentToken']>[2]) =>
  transact(database.db, (tx) => access.createEnrollmentToken(tx, 'api-key:admin', token));
const revoke = (id: string) =>
  transact(database.db, (tx) => access.revokeEnrollmentToken(tx, 'api-key:admin', id));
const actions = async () => (await audit.page({ limit: 100 })).items.map(({ action }) => action).toReversed();

/** Everything that is stored, as text. */
async function everythingStored(): Promise<string> {
  const { rows } = await sql<{ text: string }>`
    select query_to_xml('select * from ' || table_name, true, false, '')::text as text
    from information_schema.tables where table_schema = 'public'`.execute(database.db);
  return rows.map(({ text }) => text).join('\n');
}

describe('the first admin key', () => {
  it('is made once, and lets its holder in', async () => {
    const first = await access.ensureAdminKey();
    expect(first).toEqual({ created: true, token: expect.stringMatching(/^mus_admin_[\w-]{43}$/) });
    expect(await access.authenticate(first.token!)).toBe('api-key:admin');
    expect(await access.ensureAdminKey()).toEqual({ created: false, token: null });
  });

  it('is made once by processes that start together', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => access.ensureAdminKey()));
    expect(made.filter(({ created }) => created)).toHaveLength(1);
  });

  it('can be preset; a new preset takes the place of the old one and is not told back', async () => {
    const { token } = await access.ensureAdminKey();
    expect(await access.ensureAdminKey('first-preset-secret')).toEqual({ created: true, token: null });
    expect(await access.ensureAdminKey('first-preset-secret')).toEqual({ created: false, token: null });
    const { cookie } = (await access.openSession('first-preset-secret'))!;
    const ended: unknown[] = [];
    await bus.listen('access.credentials-ended', (message) => ended.push(message));
    expect(await access.ensureAdminKey('other-preset-secret')).toEqual({ created: true, token: null });
    expect(await access.authenticate('first-preset-secret')).toBeNull();
    expect(await access.authenticateSession(cookie)).toBeNull();
    expect(await access.authenticate('other-preset-secret')).toBe('api-key:admin');
    expect(await access.authenticate(token!)).toBe('api-key:admin');
    await vi.waitFor(() => expect(ended).toEqual([{ apiKeyId: expect.any(String) }]));
    expect((await actions()).at(-1)).toBe('api-keys.revoke');
    // a process that still has the former one
    await access.ensureAdminKey('first-preset-secret');
    expect(await access.authenticate('first-preset-secret')).toBeNull();
    expect(await access.authenticate('other-preset-secret')).toBe('api-key:admin');
  });

  it('tells which credentials hold still', async () => {
    const { token } = await access.ensureAdminKey();
    const { cookie } = (await access.openSession(token!))!;
    const asked = [hash(token!), hash(cookie), hash('nonsense')];
    expect(await access.holding(asked)).toEqual(new Set([hash(token!), hash(cookie)]));
    await access.closeSession(cookie);
    expect(await access.holding(asked)).toEqual(new Set([hash(token!)]));
    await database.db.updateTable('api_keys').set({ revoked_at: new Date() }).execute();
    expect(await access.holding(asked)).toEqual(new Set());
    expect(await access.holding([])).toEqual(new Set());
  });

  it('is refused when wrong or revoked', async () => {
    const { token } = await access.ensureAdminKey();
    expect(await access.authenticate(`${token}x`)).toBeNull();
    expect(await access.authenticate('')).toBeNull();
    await database.db.updateTable('api_keys').set({ revoked_at: new Date() }).execute();
    expect(await access.authenticate(token!)).toBeNull();
  });
});

describe('sessions', () => {
  it('open with a key and end when closed', async () => {
    const { token } = await access.ensureAdminKey();
    const session = (await access.openSession(token!))!;
    expect(session.actor).toBe('session:admin');
    expect(await access.authenticateSession(session.cookie)).toBe('session:admin');
    await access.closeSession(session.cookie);
    expect(await access.authenticateSession(session.cookie)).toBeNull();
  });

  it('do not open without a key, and an API key is no session', async () => {
    const { token } = await access.ensureAdminKey();
    expect(await access.openSession('nonsense')).toBeNull();
    expect(await access.authenticateSession(token!)).toBeNull();
  });

  it('end after 12 hours', async () => {
    const { token } = await access.ensureAdminKey();
    const { cookie, expiresAt } = (await access.openSession(token!))!;
    expect(expiresAt.getTime() - Date.now()).toBeCloseTo(12 * 3_600_000, -4);
    vi.useFakeTimers({ toFake: ['Date'], now: expiresAt.getTime() - 1_000 });
    expect(await access.authenticateSession(cookie)).toBe('session:admin');
    vi.setSystemTime(expiresAt.getTime() + 1_000);
    expect(await access.authenticateSession(cookie)).toBeNull();
  });

  it('end with their key', async () => {
    const { token } = await access.ensureAdminKey();
    const { cookie } = (await access.openSession(token!))!;
    await database.db.updateTable('api_keys').set({ revoked_at: new Date() }).execute();
    expect(await access.authenticateSession(cookie)).toBeNull();
  });
});

describe('enrollment tokens', () => {
  it('are accepted until they are revoked, and gateways hear of that', async () => {
    const { id, token } = await newToken({ name: 'edge' });
    expect(await access.verifyToken(hash(token))).toEqual({
      accepted: true,
      enrollmentTokenId: id,
      expiresAt: null,
      limited: false,
      mayTakeOver: false,
    });
    const heard: unknown[] = [];
    await bus.listen('access.token-revoked', (message) => heard.push(message));
    await revoke(id);
    expect(await access.verifyToken(hash(token))).toMatchObject({ accepted: false, reason: /revoked/ });
    await vi.waitFor(() => expect(heard).toEqual([{ id }]));
  });

  it('may take over agents of others when an operator allows it, which gateways hear of', async () => {
    const { id, token } = await newToken({ name: 'next', mayTakeOver: true });
    const mayTakeOver = async () => (await access.verifyToken(hash(token))) as { mayTakeOver?: boolean };
    expect(await mayTakeOver()).toMatchObject({ mayTakeOver: true });
    const heard: unknown[] = [];
    await bus.listen('access.token-changed', (message) => heard.push(message));
    const change = (tokenId: string) =>
      transact(database.db, (tx) =>
        access.changeEnrollmentToken(tx, 'api-key:test', tokenId, { mayTakeOver: false }),
      );
    await change(id);
    expect(await mayTakeOver()).toMatchObject({ mayTakeOver: false });
    expect((await access.acceptedTokens())[0]!.verdict).toMatchObject({ mayTakeOver: false });
    await vi.waitFor(() => expect(heard).toEqual([{ id, mayTakeOver: false }]));
    await expect(change('0192b1d0-0000-7000-8000-00000000dead')).rejects.toThrow(UnknownEnrollmentToken);
    await revoke(id);
    await expect(change(id)).rejects.toThrow(/was revoked: make a new one/);
  });

  it('expire', async () => {
    const expiresAt = new Date(Date.now() + 60_000);
    const { token } = await newToken({ name: 'short', expiresAt });
    expect(await access.verifyToken(hash(token))).toMatchObject({
      accepted: true,
      expiresAt: expiresAt.getTime(),
    });
    vi.useFakeTimers({ toFake: ['Date'], now: expiresAt });
    expect(await access.verifyToken(hash(token))).toMatchObject({ accepted: false, reason: /expired/ });
  });

  it('are told to gateways while they let agents in, the newest first', async () => {
    const revoked = await newToken({ name: 'revoked' });
    await newToken({ name: 'expired', expiresAt: new Date(Date.now() - 1_000) });
    const limited = await newToken({ name: 'limited', maxUses: 3 });
    const plain = await newToken({ name: 'plain' });
    await revoke(revoked.id);
    const told = await access.acceptedTokens();
    expect(told.slice(0, 2)).toEqual([
      { secretHash: hash(plain.token), verdict: await access.verifyToken(hash(plain.token)) },
      { secretHash: hash(limited.token), verdict: await access.verifyToken(hash(limited.token)) },
    ]);
    const hashes = told.map(({ secretHash }) => secretHash);
    expect(hashes).not.toContain(hash(revoked.token));
    expect(told.every(({ verdict }) => verdict.accepted)).toBe(true);
  });

  it('are refused when unknown', async () => {
    expect(await access.verifyToken(hash('nonsense'))).toMatchObject({ accepted: false });
    expect(await access.verifyToken('not hex')).toMatchObject({ accepted: false });
    await expect(revoke(randomUUID())).rejects.toThrow(UnknownEnrollmentToken);
  });

  it('let in as many agents as they may, each counted once, however many come at the same time', async () => {
    const { id, token } = await newToken({ name: 'three', maxUses: 3 });
    expect(await access.verifyToken(hash(token))).toMatchObject({ accepted: true, limited: true });
    const agents = Array.from({ length: 8 }, () => randomUUID());
    const first = await Promise.all(agents.map((uid) => access.enroll(id, uid)));
    const admitted = agents.filter((_, index) => first[index]!.accepted);
    expect(admitted).toHaveLength(3);
    const again = await Promise.all(agents.map((uid) => access.enroll(id, uid)));
    expect(agents.filter((_, index) => again[index]!.accepted)).toEqual(admitted);
    expect(await access.listEnrollmentTokens()).toMatchObject([{ id, name: 'three', maxUses: 3, uses: 3 }]);
  });

  it('without a limit lets in as many agents as any token may, and those it let in before', async () => {
    const few = wireAccess({ db: database.db, bus, maxAgentsPerToken: 3 }).access;
    const { id, token } = await newToken({ name: 'shared' });
    const own = await newToken({ name: 'own', maxUses: 5 });
    expect(await few.verifyToken(hash(token))).toMatchObject({ accepted: true, limited: true });
    const uids = Array.from({ length: 6 }, () => randomUUID());
    await sql`insert into agents (uid, enrollment_token_id) values (${uids[0]}, ${id})`.execute(database.db);
    const enroll = async (uid: string) => (await few.enroll(id, uid)).accepted;
    const outcomes = [];
    for (const uid of uids) outcomes.push(await enroll(uid));
    expect(outcomes).toEqual([true, true, true, false, false, false]);
    expect(await few.enroll(id, uids[5]!)).toEqual({
      accepted: false,
      reason: 'the enrollment token has let in as many agents as one may',
    });
    expect(await enroll(uids[0]!)).toBe(true);
    expect(await enroll(uids[2]!)).toBe(true);
    for (const uid of uids.slice(0, 5)) expect((await few.enroll(own.id, uid)).accepted).toBe(true);
    // The default is far: gateways need not ask about each agent.
    expect(await access.verifyToken(hash(token))).toMatchObject({ accepted: true, limited: false });
  });

  it('count an agent once that was given another uid', async () => {
    const { id } = await newToken({ name: 'renamed', maxUses: 1 });
    const [former, uid] = [randomUUID(), randomUUID()];
    expect(await access.enroll(id, former)).toEqual({ accepted: true });
    expect(await access.enroll(id, uid)).toMatchObject({ accepted: false });
    expect(await access.enroll(id, uid, former)).toEqual({ accepted: true });
    const again = await Promise.all([uid, former].map((name) => access.enroll(id, name)));
    expect(again).toEqual([{ accepted: true }, { accepted: true }]);
    expect(await access.enroll(id, randomUUID(), randomUUID())).toMatchObject({ accepted: false });
  });

  it('answer gateways over the bus', async () => {
    const { id, token } = await newToken({ name: 'bus', maxUses: 1 });
    const answering = await answerTokenRequests(bus, access);
    expect(await bus.request('access.verify-token', { secretHash: hash(token) })).toMatchObject({
      accepted: true,
      enrollmentTokenId: id,
    });
    const [one, two] = [randomUUID(), randomUUID()];
    expect(await bus.request('access.enroll', { enrollmentTokenId: id, uid: one })).toEqual({
      accepted: true,
    });
    expect(await bus.request('access.enroll', { enrollmentTokenId: id, uid: two })).toMatchObject({
      accepted: false,
    });
    await answering.stop();
  });

  it('include one named default when there is none, or the preset', async () => {
    const first = await access.ensureEnrollmentToken();
    expect(await access.verifyToken(hash(first.token!))).toMatchObject({ accepted: true });
    expect(await access.ensureEnrollmentToken()).toEqual({ created: false, token: null });
    expect(await access.ensureEnrollmentToken('a-preset-enrollment-token')).toEqual({
      created: true,
      token: null,
    });
    expect(await access.verifyToken(hash('a-preset-enrollment-token'))).toMatchObject({ accepted: true });
    const names = (await access.listEnrollmentTokens()).map(({ name }) => name);
    expect(names).toEqual(['default', 'default']);
  });
});

describe('the audit log', () => {
  it('has every change, and a change that fails leaves nothing', async () => {
    const { token: key } = await access.ensureAdminKey();
    const { cookie } = (await access.openSession(key!))!;
    await access.closeSession(cookie);
    await access.closeSession(cookie);
    const { id } = await newToken({ name: 'edge', labels: { site: 'a' } });
    await revoke(id);
    await revoke(id);
    await expect(revoke(randomUUID())).rejects.toThrow();
    expect(await actions()).toEqual([
      'api-keys.create',
      'sessions.open',
      'sessions.close',
      'enrollment-tokens.create',
      'enrollment-tokens.revoke',
    ]);
  });

  it('comes in pages, newest first, of one resource when asked', async () => {
    const record = (resource: string) =>
      transact(database.db, (tx) => audit.record(tx, { actor: 'system', action: 'test.do', resource }));
    for (const name of ['a', 'b', 'a', 'b', 'a']) await record(`thing/${name}`);
    const first = await audit.page({ limit: 2 });
    expect(first.items.map(({ resource }) => resource)).toEqual(['thing/a', 'thing/b']);
    const rest = await audit.page({ limit: 10, after: first.next! });
    expect(rest.items.map(({ resource }) => resource)).toEqual(['thing/a', 'thing/b', 'thing/a']);
    expect(rest.next).toBeNull();
    expect((await audit.page({ resource: 'thing/a', limit: 10 })).items).toHaveLength(3);
    await expect(audit.page({ limit: 1, after: 'nonsense' })).rejects.toThrow(InvalidCursor);
  });
});

it('stores no secret', async () => {
  const admin = (await access.ensureAdminKey()).token!;
  const { cookie } = (await access.openSession(admin))!;
  const enrollment = (await newToken({ name: 'edge' })).token;
  await access.ensureEnrollmentToken('a-preset-enrollment-token');
  const stored = await everythingStored();
  expect(stored).toContain('admin');
  for (const secret of [admin, cookie, enrollment, 'a-preset-enrollment-token']) {
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(Buffer.from(secret).toString('base64'));
  }
});
