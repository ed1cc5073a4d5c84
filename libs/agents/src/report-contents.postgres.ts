import { binaryArrayOf } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import { MalformedMessage } from '@muster/opamp/errors';
import { subMessageField } from '@muster/opamp/scan-agent-to-server';
import type { ContentField } from './content-redaction.ts';
import type { ConfigFinding } from './effective-config-redaction.ts';
import type { Content, FoldedAgent } from './folded-agent.ts';
import { NotSearched, reportReader, type ReportReader } from './report-reader.ts';

/** A message to PostgreSQL must stay below 1 GiB; this much is far from it. */
const maxBytes = 32 * 1024 * 1024;
/** Hashes of 32 bytes, a few MiB in all. */
const maxKnown = 20_000;
/** What was stored so long ago is stored again: it may have been freed, and is to be seen as in use. */
const knownForMs = 10 * 60_000;
/** Held while contents are stored with their findings, and while contents are freed. */
export const contentsLock = 4320_4322;

interface Stored {
  hash: Buffer;
  body: Uint8Array;
  /** Credentials that were taken out of the body. */
  findings: readonly ConfigFinding[];
  /** How many more there were. */
  omitted: number;
  /** Why there is no body; null: it is there. */
  withheld: string | null;
  /** Agents may name it by a hash alone. */
  named: boolean;
}

/**
 * What many agents report alike, stored once: effective configs, available components, package statuses.
 * What was stored is not sent again for ten minutes; `UnusedContents` frees what has not been sent for much longer
 * and nothing refers to. Credentials in contents are not stored: such a content keeps the hash of what was reported, with
 * what stands for them. One that cannot be searched for them is withheld: its body is empty, and `withheld` says why.
 */
export class ReportContents {
  readonly #db: Kysely<Database>;
  readonly #now: () => number;
  /** Hashes of contents that are stored, and since when (ms of a steady clock), the oldest first. */
  readonly #known = new Map<string, number>();

  readonly #reader: ReportReader;

  /** `now`: milliseconds of a steady clock. */
  constructor(
    db: Kysely<Database>,
    {
      reader = reportReader,
      now = () => performance.now(),
    }: { reader?: ReportReader; now?: () => number } = {},
  ) {
    this.#db = db;
    this.#reader = reader;
    this.#now = now;
  }

  /** Stores the contents these agents report; must be done before anything names their hash. */
  async store(agents: readonly FoldedAgent[]): Promise<void> {
    const unknown = new Map<string, Promise<Stored>>();
    const since = this.#now() - knownForMs;
    for (const { effectiveConfig, availableComponents, packageStatuses } of agents) {
      for (const [field, reported] of [
        [subMessageField.effectiveConfig, effectiveConfig],
        [subMessageField.availableComponents, availableComponents],
        [subMessageField.packageStatuses, packageStatuses],
      ] as const) {
        if (reported === null || reported.value.body === null) continue;
        const { hash, body } = reported.value;
        const key = hash.toString('latin1');
        if ((this.#known.get(key) ?? -Infinity) > since || unknown.has(key)) continue;
        unknown.set(key, this.#withoutCredentials(field, { hash, body }));
      }
    }
    const stored = await Promise.all(unknown.values());
    // One order of locks for all writers.
    stored.sort((a, b) => Buffer.compare(a.hash, b.hash));
    for (const part of statements(stored)) {
      await this.#insert(part);
      for (const { hash, withheld } of part) {
        // What was withheld is tried again when it is reported again.
        if (withheld === null) this.#remember(hash.toString('latin1'));
      }
    }
  }

  async #withoutCredentials(
    field: ContentField,
    { hash, body }: Content & { body: Uint8Array },
  ): Promise<Stored> {
    const named = field === subMessageField.availableComponents;
    try {
      return { hash, named, ...(await this.#reader.redact(field, body)), withheld: null };
    } catch (error) {
      if (!(error instanceof NotSearched || error instanceof MalformedMessage)) throw error;
      return { hash, named, body: new Uint8Array(0), findings: [], omitted: 0, withheld: error.message };
    }
  }

  async #insert(contents: readonly Stored[]): Promise<void> {
    const withFindings = contents.filter(({ findings }) => findings.length > 0);
    if (withFindings.length === 0) return insert(this.#db, contents);
    await this.#db.transaction().execute(async (db) => {
      // So that nobody frees the findings of what is stored now.
      await sql`select pg_advisory_xact_lock_shared(${contentsLock})`.execute(db);
      await insertFindings(db, withFindings);
      await insert(db, contents);
    });
  }

  #remember(key: string): void {
    this.#known.delete(key);
    this.#known.set(key, this.#now());
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxKnown) this.#known.delete(oldest!);
  }
}

async function insert(db: Kysely<Database>, contents: readonly Stored[]): Promise<void> {
  await sql`
    insert into report_contents as known (hash, body, named, withheld)
    select content.hash, content.body, content.named, content.withheld
    from unnest(
      ${binaryArrayOf('bytea', contents, ({ hash }) => hash)}::bytea[],
      ${binaryArrayOf('bytea', contents, ({ body }) => body)}::bytea[],
      ${binaryArrayOf('boolean', contents, ({ named }) => named)}::boolean[],
      ${binaryArrayOf('text', contents, ({ withheld }) => withheld)}::text[]
    ) as content (hash, body, named, withheld)
    order by content.hash
    on conflict (hash) do update set
      touched_at = excluded.touched_at,
      named = known.named or excluded.named,
      body = case when excluded.withheld is null then excluded.body else known.body end,
      withheld = case when excluded.withheld is null then null else known.withheld end
    where known.touched_at < now() - interval '5 minutes'
      or (excluded.named and not known.named)
      or (known.withheld is not null and excluded.withheld is null)`.execute(db);
}

async function insertFindings(db: Kysely<Database>, contents: readonly Stored[]): Promise<void> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('effective_config_findings')
    .values(
      contents.map(({ hash, findings, omitted }) => ({ hash, findings: JSON.stringify(findings), omitted })),
    )
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) return;
  // Stored before its credentials were known as such.
  await sql`
    delete from report_contents where hash = any(${binaryArrayOf('bytea', contents, ({ hash }) => hash)}::bytea[])`.execute(
    db,
  );
}

function* statements(contents: readonly Stored[]): Generator<Stored[]> {
  let part: Stored[] = [];
  let bytes = 0;
  for (const content of contents) {
    const size = content.body.length;
    if (part.length > 0 && bytes + size > maxBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(content);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
