import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './test-database.postgres.ts';
import { transact, type Tx } from './transaction.ts';

let database: TestDatabase;
const done: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  done.length = 0;
  await database.db.deleteFrom('configurations').execute();
});

const insert = (tx: Tx) =>
  tx.db.insertInto('configurations').values({ name: 'a', created_by: 'test' }).execute();
const stored = () => database.db.selectFrom('configurations').select('name').execute();

it('runs effects after the commit, in order', async () => {
  const result = await transact(database.db, async (tx) => {
    tx.afterCommit(async () => void done.push(`first, ${(await stored()).length} stored`));
    tx.afterCommit(() => void done.push('second'));
    await insert(tx);
    done.push('work');
    return 7;
  });
  expect(result).toBe(7);
  expect(done).toEqual(['work', 'first, 1 stored', 'second']);
});

it('runs no effect after a rollback', async () => {
  const work = transact(database.db, async (tx) => {
    tx.afterCommit(() => void done.push('effect'));
    await insert(tx);
    throw new Error('no');
  });
  await expect(work).rejects.toThrow('no');
  expect(done).toEqual([]);
  expect(await stored()).toEqual([]);
});

it('runs all effects, keeps the commit and throws the first failure', async () => {
  const work = transact(database.db, async (tx) => {
    await insert(tx);
    tx.afterCommit(() => Promise.reject(new Error('first')));
    tx.afterCommit(() => Promise.reject(new Error('second')));
    tx.afterCommit(() => void done.push('third'));
  });
  await expect(work).rejects.toThrow('first');
  expect(done).toEqual(['third']);
  expect(await stored()).toHaveLength(1);
});
