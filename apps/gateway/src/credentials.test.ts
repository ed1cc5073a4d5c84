import { afterEach, beforeEach, expect, it } from 'vitest';
import { WrongCredentials } from '@muster/access/wrong-credentials';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import type { TokenVerdict } from '@muster/messages/vocabulary';
import { silentLog } from '@muster/platform/log';
import { Credentials } from './credentials.ts';

const address = '192.0.2.1';
const id = '0192b1d0-0000-7000-8000-000000000001';
const accepted: TokenVerdict = { accepted: true, enrollmentTokenId: id, expiresAt: null, limited: false };

let bus: ReturnType<typeof createMemoryEventBus>;
let now: number;
let verdict: TokenVerdict;
let questions: string[];
let credentials: Credentials;

beforeEach(async () => {
  bus = createMemoryEventBus();
  now = 1_000_000;
  verdict = accepted;
  questions = [];
  credentials = new Credentials(
    bus,
    new WrongCredentials({ perMinute: 10, log: silentLog, now: () => now }),
    silentLog,
    () => now,
  );
});

afterEach(() => bus.close());

async function answerQuestions(): Promise<void> {
  await bus.respond('access.verify-token', async ({ secretHash }) => {
    questions.push(secretHash);
    return verdict;
  });
}

it('asks for the hash of the secret, once for many at a time, and remembers the verdict for a minute', async () => {
  await answerQuestions();
  const both = await Promise.all([
    credentials.authenticate('Bearer s3cret', address),
    credentials.authenticate('bearer  s3cret ', address),
  ]);
  expect(both.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
  expect(questions).toEqual(['1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0']);
  now += 59_000;
  expect(credentials.authenticate('Bearer s3cret', address)).not.toBeInstanceOf(Promise);
  now += 2_000;
  await credentials.authenticate('Bearer s3cret', address);
  expect(questions).toHaveLength(2);
});

it('remembers a refusal for five seconds', async () => {
  await answerQuestions();
  verdict = { accepted: false, reason: 'unknown' };
  expect(await credentials.authenticate('Bearer late', address)).toEqual({ kind: 'refused' });
  verdict = accepted;
  now += 4_000;
  expect(await credentials.authenticate('Bearer late', address)).toEqual({ kind: 'refused' });
  now += 2_000;
  expect(await credentials.authenticate('Bearer late', address)).toMatchObject({ kind: 'accepted' });
});

it('honours when a token ends, also of a remembered verdict', async () => {
  await answerQuestions();
  verdict = { ...accepted, expiresAt: now + 10_000 };
  expect(await credentials.authenticate('Bearer short', address)).toMatchObject({ kind: 'accepted' });
  now += 10_000;
  expect(await credentials.authenticate('Bearer short', address)).toEqual({ kind: 'refused' });
});

it('lets nobody in with a token that was revoked, remembered or on its way', async () => {
  await answerQuestions();
  await credentials.authenticate('Bearer a', address);
  const onItsWay = credentials.authenticate('Bearer b', address);
  credentials.revoke(id);
  expect([await credentials.authenticate('Bearer a', address), await onItsWay]).toEqual([
    { kind: 'refused' },
    { kind: 'refused' },
  ]);
});

it('tells a bad credential from nobody being there to judge it', async () => {
  expect(await credentials.authenticate('Bearer any', address)).toEqual({ kind: 'unavailable' });
  await answerQuestions();
  expect(await credentials.authenticate('Bearer any', address)).toMatchObject({ kind: 'accepted' });
});

it.each(['', 'Bearer', 'Digest abc', 'Basic', `Basic ${Buffer.from('user:').toString('base64')}`])(
  'asks nobody about "%s"',
  (header) => {
    expect(credentials.authenticate(header, address)).toEqual({ kind: 'refused' });
  },
);

it('knows the tokens it has learned of without a question, for a minute', async () => {
  await answerQuestions();
  const secretHash = '1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0';
  await credentials.learn(); // nobody answers
  await bus.respond('access.accepted-tokens', async () => ({ tokens: [{ secretHash, verdict: accepted }] }));
  await credentials.learn();
  expect(credentials.authenticate('Bearer s3cret', address)).toMatchObject({ kind: 'accepted' });
  credentials.revoke(id);
  await credentials.learn(); // said before the revocation
  expect(credentials.authenticate('Bearer s3cret', address)).toEqual({ kind: 'refused' });
  expect(questions).toEqual([]);
  now += 61_000;
  await credentials.authenticate('Bearer s3cret', address);
  expect(questions).toHaveLength(1);
});

it('limits wrong tokens by address, and lets good ones in from anywhere', async () => {
  await answerQuestions();
  await credentials.authenticate('Bearer good', address);
  verdict = { accepted: false, reason: 'unknown' };
  const guess = async (n: number, from = address) =>
    (await credentials.authenticate(`Bearer wrong-${n}`, from)).kind;
  for (let n = 0; n < 9; n++) expect(await guess(n)).toBe('refused');
  for (let n = 9; n < 200; n++) expect(await guess(n)).toBe('limited');
  expect(questions.length).toBeLessThan(40);
  expect(credentials.authenticate('Bearer good', address)).toMatchObject({ kind: 'accepted' });
  expect(await guess(1_000, '192.0.2.2')).toBe('refused');
  now += 1_000;
  verdict = accepted;
  expect(await credentials.authenticate('Bearer fresh', address)).toMatchObject({ kind: 'accepted' });
});
