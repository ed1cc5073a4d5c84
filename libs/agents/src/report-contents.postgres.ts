import { binaryArrayOf } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import { redactEffectiveConfig, type ConfigFinding } from './effective-config-redaction.ts';
import type { FoldedAgent } from './folded-agent.ts';

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
  /** Agents may name it by a hash alone. */
  named: boolean;
}

/**
 * What many agents report alike, stored once: effective configs, available components, package statuses.
 * What was stored is not sent again for ten minutes; `UnusedContents` frees what has not been sent for much longer
 * and nothing refers to. Credentials in effective configs
 * are not stored: such a config keeps the hash of what was reported, with what stands for them.
 */
export class ReportContents {
  readonly #db: Kysely<Database>;
  readonly #now: () => number;
  /** Hashes of contents that are stored, and since when (ms of a steady clock), the oldest first. */
  readonly #known = new Map<string, number>();

  /** `now`: milliseconds of a steady clock. */
  constructor(db: Kysely<Database>, now: () => number = () => performance.now()) {
    this.#db = db;
    this.#now = now;
  }

  /** Stores the contents these agents report; must be done before anything names their hash. */
  async store(agents: readonly FoldedAgent[]): Promise<void> {
    const unknown = new Map<string, Stored>();
    const since = this.#now() - knownForMs;
    for (const { effectiveConfig, availableComponents, packageStatuses } of agents) {
      for (const field of [effectiveConfig, availableComponents, packageStatuses]) {
        if (field === null || field.value.body === null) continue;
        const { hash, body } = field.value;
        const key = hash.toString('latin1');
        if ((this.#known.get(key) ?? -Infinity) > since || unknown.has(key)) continue;
        const redacted = field === effectiveConfig ? redactEffectiveConfig(body) : null;
        const named = field === availableComponents;
        unknown.set(key, { hash, named, ...(redacted ?? { body, findings: [] }) });
      }
    }
    for (const part of statements(unknown)) {
      await this.#insert(part.map(([, content]) => content));
      for (const [key] of part) this.#remember(key);
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
    insert into report_contents (hash, body, named)
    select content.hash, content.body, content.named
    from unnest(
      ${binaryArrayOf('bytea', contents, ({ hash }) => hash)}::bytea[],
      ${binaryArrayOf('bytea', contents, ({ body }) => body)}::bytea[],
      ${binaryArrayOf('boolean', contents, ({ named }) => named)}::boolean[]
    ) as content (hash, body, named)
    order by content.hash
    on conflict (hash) do update set
      touched_at = excluded.touched_at,
      named = report_contents.named or excluded.named
    where report_contents.touched_at < now() - interval '5 minutes'
      or (excluded.named and not report_contents.named)`.execute(db);
}

async function insertFindings(db: Kysely<Database>, contents: readonly Stored[]): Promise<void> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('effective_config_findings')
    .values(contents.map(({ hash, findings }) => ({ hash, findings: JSON.stringify(findings) })))
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows === 0n) return;
  // Stored before its credentials were known as such.
  await sql`
    delete from report_contents where hash = any(${binaryArrayOf('bytea', contents, ({ hash }) => hash)}::bytea[])`.execute(
    db,
  );
}

function* statements(contents: ReadonlyMap<string, Stored>): Generator<[string, Stored][]> {
  let part: [string, Stored][] = [];
  let bytes = 0;
  for (const entry of contents) {
    const size = entry[1].body.length;
    if (part.length > 0 && bytes + size > maxBytes) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
