import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { silentLog } from '@muster/platform/log';
import type { AgentToServerFields } from '@muster/opamp/opamp';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AgentId } from './agent-id.ts';
import { ReportContents } from './report-contents.postgres.ts';
import { foldReports } from './report-folding.ts';
import { ReportStore } from './report-store.postgres.ts';
import { testReport } from './test-report.setup.ts';
import { UnusedContents } from './unused-contents.postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() =>
  sql`truncate agents, agent_states, report_contents, effective_config_findings, effective_comparisons`.execute(
    database.db,
  ),
);

const config = (text: string): AgentToServerFields => ({
  effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(text) } } } },
});
let sequenceNum = 0;
const folded = async (uid: AgentId, say: AgentToServerFields) => {
  const reports = [testReport(uid, { sequenceNum: ++sequenceNum, say })];
  return (await foldReports([{ gateway: 'gateway-1', reports }])).agents;
};
const report = async (store: ReportStore, uid: AgentId, say: AgentToServerFields) =>
  store.write(await folded(uid, say));
const newUid = () => randomUUID() as AgentId;
const contents = async () =>
  (await database.db.selectFrom('report_contents').select('hash').execute()).length;
/** So long ago that somebody last reported them. */
const age = (hours: number) =>
  sql`update report_contents set touched_at = now() - make_interval(hours => ${hours})`.execute(database.db);
const forget = (uid: AgentId) => database.db.deleteFrom('agent_states').where('uid', '=', uid).execute();

describe('contents that nothing refers to', () => {
  it('are freed with their findings and comparisons when their agent is deleted', async () => {
    const { db } = database;
    const [kept, gone] = [newUid(), newUid()];
    const store = new ReportStore(db, silentLog);
    const secret = (name: string) =>
      config(`exporters:\n  ${name}:\n    headers:\n      api_key: a1b2c3d4e5f6a7b8\n`);
    await report(store, kept, secret('kept'));
    await report(store, gone, { ...secret('gone'), packageStatuses: { errorMessage: 'x' } });
    await sql`
      insert into effective_comparisons (rendered_hash, effective_hash, differs, detail)
      select 'x', effective_config_hash, false, '[]' from agent_states`.execute(db);
    await forget(gone);
    await age(2);
    expect(await contents()).toBe(3);
    expect(await new UnusedContents(db).free()).toBe(2);
    for (const table of ['report_contents', 'effective_config_findings', 'effective_comparisons'] as const) {
      expect(await db.selectFrom(table).selectAll().execute()).toHaveLength(1);
    }
    const { rows } = await sql`
      select from agent_states s join report_contents c on c.hash = s.effective_config_hash`.execute(db);
    expect(rows).toHaveLength(1);
  });

  it('are freed when their agent moved on, an hour after they were last reported and not before', async () => {
    const uid = newUid();
    const store = new ReportStore(database.db, silentLog);
    await report(store, uid, config('first: 1'));
    await report(store, uid, config('second: 2'));
    const unused = new UnusedContents(database.db);
    expect(await unused.free()).toBe(0);
    await sql`update report_contents set touched_at = now() - interval '59 minutes'`.execute(database.db);
    expect(await unused.free()).toBe(0);
    await age(2);
    expect(await unused.free()).toBe(1);
    expect(await contents()).toBe(1);
  });

  it('stay for days when agents may name them by a hash alone', async () => {
    const uid = newUid();
    const store = new ReportStore(database.db, silentLog);
    await report(store, uid, {
      availableComponents: { components: { receivers: {} }, hash: Buffer.alloc(32, 1) },
    });
    await forget(uid);
    const unused = new UnusedContents(database.db);
    await age(71);
    expect(await unused.free()).toBe(0);
    await age(73);
    expect(await unused.free()).toBe(1);
  });

  it('are stored again when an agent comes back to them, by a process that has stored them before too', async () => {
    const [first, second] = [newUid(), newUid()];
    let now = 0;
    const known = new ReportContents(database.db, { now: () => now });
    const store = new ReportStore(database.db, silentLog);
    await known.store(await folded(first, config('a: 1')));
    await age(2);
    expect(await new UnusedContents(database.db).free()).toBe(1);
    // For ten minutes it is taken as stored: contents are never freed as soon as that.
    now += 9 * 60_000;
    await known.store(await folded(first, config('a: 1')));
    expect(await contents()).toBe(0);
    now += 2 * 60_000;
    await known.store(await folded(first, config('a: 1')));
    expect(await contents()).toBe(1);
    // What is there is marked as in use when it is reported anew.
    await age(2);
    await report(store, second, config('a: 1'));
    await forget(second);
    expect(await new UnusedContents(database.db).free()).toBe(0);
  });

  it('are never freed under writers that come to refer to them', { timeout: 60_000 }, async () => {
    const { db } = database;
    // Nothing is too young here: whatever a writer has not touched a moment ago may go.
    const unused = new UnusedContents(db, { reportedHours: 0, namedHours: 0 });
    const texts = Array.from(
      { length: 8 },
      (_, at) => `exporters:\n  e${at}:\n    headers:\n      api_key: a1b2c3d4e5f6a7${at}8\n`,
    );
    const uids = Array.from({ length: 4 }, newUid);
    const written = new AbortController();
    const dangling = async () => {
      const { rows } = await sql`
        select from agent_states s where effective_config_hash is not null
        and not exists (select from report_contents c where c.hash = s.effective_config_hash)`.execute(db);
      return rows.length;
    };
    const withoutFindings = async () => {
      const { rows } = await sql`
        select from report_contents c
        where not exists (select from effective_config_findings f where f.hash = c.hash)`.execute(db);
      return rows.length;
    };
    let freed = 0;
    const collect = async () => {
      while (!written.signal.aborted)
        freed += await new UnusedContents(db, { reportedHours: 1, namedHours: 1 }).free();
    };
    const write = async (uid: AgentId) => {
      for (let round = 0; round < 150; round += 1) {
        // A process that knows nothing yet, every time.
        const store = new ReportStore(db, silentLog);
        await report(store, uid, config(texts[(round * 7 + uids.indexOf(uid)) % texts.length]!));
        if (round % 5 === 0)
          // In the order of all writers, or PostgreSQL would end one of them.
          await sql`
            with all_of_them as (select hash from report_contents order by hash for update)
            update report_contents set touched_at = now() - interval '2 hours'
            from all_of_them where report_contents.hash = all_of_them.hash`
            .execute(db)
            .catch(() => {});
      }
    };
    const collecting = [collect(), collect()];
    await Promise.all(uids.map(write)).finally(() => written.abort());
    await Promise.all(collecting);
    expect(freed).toBeGreaterThan(0);
    expect(await withoutFindings()).toBe(0);
    // The aging above is cruel: it may age what a writer has just touched. One more report of each mends that.
    for (const uid of uids) await report(new ReportStore(db, silentLog), uid, config(texts[0]!));
    expect(await dangling()).toBe(0);
    expect(await unused.free()).toBeGreaterThanOrEqual(0);
    expect(await dangling()).toBe(0);
  });
});
