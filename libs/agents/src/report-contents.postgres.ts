import { binaryArray } from '@muster/db/binary-array';
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

interface Stored {
  hash: Buffer;
  body: Uint8Array;
  /** Credentials that were taken out of the body. */
  findings: readonly ConfigFinding[];
  /** How many more there were. */
  omitted: number;
  /** Why there is no body; null: it is there. */
  withheld: string | null;
}

/**
 * What many agents report alike, stored once: effective configs, available components, package statuses.
 * Contents are never deleted, so what was stored once is not sent again. Credentials in them
 * are not stored: such a content keeps the hash of what was reported, with what stands for them. One that cannot be
 * searched for them is withheld: its body is empty, and `withheld` says why.
 */
export class ReportContents {
  readonly #db: Kysely<Database>;
  /** Hashes of contents that are stored, the oldest first. */
  readonly #known = new Set<string>();

  readonly #reader: ReportReader;

  constructor(db: Kysely<Database>, reader: ReportReader = reportReader) {
    this.#db = db;
    this.#reader = reader;
  }

  /** Stores the contents these agents report; must be done before anything names their hash. */
  async store(agents: readonly FoldedAgent[]): Promise<void> {
    const unknown = new Map<string, Promise<Stored>>();
    for (const { effectiveConfig, availableComponents, packageStatuses } of agents) {
      for (const [field, reported] of [
        [subMessageField.effectiveConfig, effectiveConfig],
        [subMessageField.availableComponents, availableComponents],
        [subMessageField.packageStatuses, packageStatuses],
      ] as const) {
        if (reported === null || reported.value.body === null) continue;
        const { hash, body } = reported.value;
        const key = hash.toString('latin1');
        if (this.#known.has(key) || unknown.has(key)) continue;
        unknown.set(key, this.#withoutCredentials(field, { hash, body }));
      }
    }
    const stored = await Promise.all(unknown.values());
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
    try {
      return { hash, ...(await this.#reader.redact(field, body)), withheld: null };
    } catch (error) {
      if (!(error instanceof NotSearched || error instanceof MalformedMessage)) throw error;
      return { hash, body: new Uint8Array(0), findings: [], omitted: 0, withheld: error.message };
    }
  }

  async #insert(contents: readonly Stored[]): Promise<void> {
    await this.#insertFindings(contents.filter(({ findings }) => findings.length > 0));
    const hashes = contents.map(({ hash }) => hash);
    const bodies = contents.map(({ body }) => body);
    const reasons = contents.map(({ withheld }) => withheld);
    await sql`
      insert into report_contents as known (hash, body, withheld)
      select content.hash, content.body, content.withheld
      from unnest(
        ${binaryArray('bytea', hashes)}::bytea[],
        ${binaryArray('bytea', bodies)}::bytea[],
        ${binaryArray('text', reasons)}::text[]
      ) as content (hash, body, withheld)
      order by content.hash
      on conflict (hash) do update set body = excluded.body, withheld = null
      where known.withheld is not null and excluded.withheld is null`.execute(this.#db);
  }

  async #insertFindings(contents: readonly Stored[]): Promise<void> {
    if (contents.length === 0) return;
    await this.#db
      .insertInto('effective_config_findings')
      .values(
        contents.map(({ hash, findings, omitted }) => ({
          hash,
          findings: JSON.stringify(findings),
          omitted,
        })),
      )
      .onConflict((conflict) => conflict.column('hash').doNothing())
      .execute();
    // Stored before its credentials were known as such.
    await sql`
      delete from report_contents where hash = any(${binaryArray(
        'bytea',
        contents.map(({ hash }) => hash),
      )}::bytea[])`.execute(this.#db);
  }

  #remember(key: string): void {
    this.#known.add(key);
    const [oldest] = this.#known;
    if (this.#known.size > maxKnown) this.#known.delete(oldest!);
  }
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
