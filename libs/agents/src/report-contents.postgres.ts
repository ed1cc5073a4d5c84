import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import { redactEffectiveConfig, type ConfigFinding } from './effective-config-redaction.ts';
import type { FoldedAgent } from './folded-agent.ts';

/** A message to PostgreSQL must stay below 1 GiB; this much is far from it. */
const maxBytes = 32 * 1024 * 1024;
/** Hashes of 32 bytes, a few MiB in all. */
const maxKnown = 20_000;

interface Stored {
  hash: Buffer;
  body: Uint8Array;
  /** Credentials that were taken out of the body. */
  findings: readonly ConfigFinding[];
}

/**
 * What many agents report alike, stored once: effective configs, available components, package statuses.
 * Contents are never deleted, so what was stored once is not sent again. Credentials in effective configs
 * are not stored: such a config keeps the hash of what was reported, with what stands for them.
 */
export class ReportContents {
  readonly #db: Kysely<Database>;
  /** Hashes of contents that are stored, the oldest first. */
  readonly #known = new Set<string>();

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Stores the contents these agents report; must be done before anything names their hash. */
  async store(agents: readonly FoldedAgent[]): Promise<void> {
    const unknown = new Map<string, Stored>();
    for (const { effectiveConfig, availableComponents, packageStatuses } of agents) {
      for (const field of [effectiveConfig, availableComponents, packageStatuses]) {
        if (field === null || field.value.body === null) continue;
        const { hash, body } = field.value;
        const key = hash.toString('latin1');
        if (this.#known.has(key) || unknown.has(key)) continue;
        const redacted = field === effectiveConfig ? redactEffectiveConfig(body) : null;
        unknown.set(key, { hash, ...(redacted ?? { body, findings: [] }) });
      }
    }
    for (const part of statements(unknown)) {
      await this.#insert(part.map(([, content]) => content));
      for (const [key] of part) this.#remember(key);
    }
  }

  async #insert(contents: readonly Stored[]): Promise<void> {
    await this.#insertFindings(contents.filter(({ findings }) => findings.length > 0));
    const hashes = contents.map(({ hash }) => hash);
    const bodies = contents.map(({ body }) => body);
    await sql`
      insert into report_contents (hash, body)
      select content.hash, content.body
      from unnest(${binaryArray('bytea', hashes)}::bytea[], ${binaryArray('bytea', bodies)}::bytea[]) as content (hash, body)
      order by content.hash
      on conflict (hash) do nothing`.execute(this.#db);
  }

  async #insertFindings(contents: readonly Stored[]): Promise<void> {
    if (contents.length === 0) return;
    await this.#db
      .insertInto('effective_config_findings')
      .values(contents.map(({ hash, findings }) => ({ hash, findings: JSON.stringify(findings) })))
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
