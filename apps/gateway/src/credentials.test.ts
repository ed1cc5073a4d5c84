import { afterEach, beforeEach, expect, it } from 'vitest';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import type { TokenVerdict } from '@muster/messages/vocabulary';
import { silentLog } from '@muster/platform/log';
import { Credentials } from './credentials.ts';

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
  credentials = new Credentials(bus, silentLog, () => now);
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
    credentials.authenticate('Bearer s3cret'),
    credentials.authenticate('bearer  s3cret '),
  ]);
  expect(both.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
  expect(questions).toEqual(['1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0']);
  now += 59_000;
  expect(credentials.authenticate('Bearer s3cret')).not.toBeInstanceOf(Promise);
  now += 2_000;
  await credentials.authenticate('Bearer s3cret');
  expect(questions).toHaveLength(2);
});

it('remembers a refusal for five seconds', async () => {
  await answerQuestions();
  verdict = { accepted: false, reason: 'unknown' };
  expect(await credentials.authenticate('Bearer late')).toEqual({ kind: 'refused' });
  verdict = accepted;
  now += 4_000;
  expect(await credentials.authenticate('Bearer late')).toEqual({ kind: 'refused' });
  now += 2_000;
  expect(await credentials.authenticate('Bearer late')).toMatchObject({ kind: 'accepted' });
});

it('honours when a token ends, also of a remembered verdict', async () => {
  await answerQuestions();
  verdict = { ...accepted, expiresAt: now + 10_000 };
  expect(await credentials.authenticate('Bearer short')).toMatchObject({ kind: 'accepted' });
  now += 10_000;
  expect(await credentials.authenticate('Bearer short')).toEqual({ kind: 'refused' });
});

it('lets nobody in with a token that was revoked, remembered or on its way', async () => {
  await answerQuestions();
  await credentials.authenticate('Bearer a');
  const onItsWay = credentials.authenticate('Bearer b');
  credentials.revoke(id);
  expect([await credentials.authenticate('Bearer a'), await onItsWay]).toEqual([
    { kind: 'refused' },
    { kind: 'refused' },
  ]);
});

it('tells a bad credential from nobody being there to judge it', async () => {
  expect(await credentials.authenticate('Bearer any')).toEqual({ kind: 'unavailable' });
  await answerQuestions();
  expect(await credentials.authenticate('Bearer any')).toMatchObject({ kind: 'accepted' });
});

it.each(['', 'Bearer', 'Digest abc', 'Basic', `Basic ${Buffer.from('user:').toString('base64')}`])(
  'asks nobody about "%s"',
  (header) => {
    expect(credentials.authenticate(header)).toEqual({ kind: 'refused' });
  },
);

it('knows the tokens it has learned of without a question, for a minute', async () => {
  await answerQuestions();
  const secretHash = '1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0';
  await credentials.learn(); // nobody answers
  await bus.respond('access.accepted-tokens', async () => ({ tokens: [{ secretHash, verdict: accepted }] }));
  await credentials.learn();
  expect(credentials.authenticate('Bearer s3cret')).toMatchObject({ kind: 'accepted' });
  credentials.revoke(id);
  await credentials.learn(); // said before the revocation
  expect(credentials.authenticate('Bearer s3cret')).toEqual({ kind: 'refused' });
  expect(questions).toEqual([]);
  now += 61_000;
  await credentials.authenticate('Bearer s3cret');
  expect(questions).toHaveLength(1);
});
