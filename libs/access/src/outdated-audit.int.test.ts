import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { uuidV7 } from '@muster/db/uuid-v7';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Audit } from './audit.postgres.ts';
import { OutdatedAudit } from './outdated-audit.postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const dayMs = 86_400_000;

it('takes the oldest events, in portions, and no newer ones', async () => {
  const { db } = database;
  const now = Date.now();
  const ages = [500, 401, 400.1, 399.9, 1, 0];
  for (const age of ages) {
    const at = new Date(now - age * dayMs);
    await db
      .insertInto('audit_events')
      .values({
        id: uuidV7(),
        at,
        actor: 'test',
        action: 'test.age',
        resource: `age/${age}`,
        detail: '{}',
      })
      .execute();
    // As an event of that day has it: ids begin with the time.
    const time = at.getTime().toString(16).padStart(12, '0');
    await db
      .updateTable('audit_events')
      .set({ id: `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000001` })
      .where('resource', '=', `age/${age}`)
      .execute();
  }
  const outdated = new OutdatedAudit(db);
  const before = new Date(now - 400 * dayMs);
  const left = async () =>
    (await new Audit(db).page({ limit: 100 })).items.map(({ resource }) => resource).toReversed();
  expect(await outdated.delete(before, 2)).toBe(2);
  expect(await left()).toEqual(['age/400.1', 'age/399.9', 'age/1', 'age/0']);
  expect(await outdated.delete(before, 2)).toBe(1);
  expect(await left()).toEqual(['age/399.9', 'age/1', 'age/0']);
  expect(await outdated.delete(before, 2)).toBe(0);
});
