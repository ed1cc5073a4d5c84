import { type Kysely, sql } from 'kysely';
import type { Database } from './schema.ts';

interface Column {
  type: string;
  nullable: boolean;
  /** Has a default, or is made by PostgreSQL. */
  filled: boolean;
}

/** What statements of a release rely on. */
export interface SchemaShape {
  /** `table.column`. */
  columns: Map<string, Column>;
  tables: Set<string>;
  /** What statements may name and what `on conflict` needs: functions, types, unique indexes, by their definition. */
  relied: Set<string>;
  /** What refuses rows: checks, foreign keys, unique and exclusion constraints; the tables each binds, and its definition. */
  limits: Map<string, { tables: string[]; definition: string }>;
}

const ownMigrations = ['kysely_migration', 'kysely_migration_lock', 'schema_migrations'];

/** Reads the shape of the schema `public`. */
export async function readShape(db: Kysely<Database>): Promise<SchemaShape> {
  const columns = await sql<{ tab: string; col: string; type: string; nullable: boolean; filled: boolean }>`
    select c.relname as tab, a.attname as col, format_type(a.atttypid, a.atttypmod) as type,
      not a.attnotnull as nullable, a.atthasdef or a.attidentity <> '' or a.attgenerated <> '' as filled
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
      and a.attnum > 0 and not a.attisdropped and c.relname <> all(${ownMigrations})`.execute(db);
  const indexes = await sql<{ name: string; tab: string; definition: string }>`
    select i.indexrelid::regclass::text as name, i.indrelid::regclass::text as tab,
      regexp_replace(pg_get_indexdef(i.indexrelid), '^.* ON ', '') as definition
    from pg_index i join pg_class c on c.oid = i.indrelid
    where i.indisunique and c.relnamespace = 'public'::regnamespace and c.relname <> all(${ownMigrations})`.execute(
    db,
  );
  const constraints = await sql<{ name: string; tab: string; other: string | null; definition: string }>`
    select conname as name, conrelid::regclass::text as tab, nullif(confrelid, 0)::regclass::text as other,
      pg_get_constraintdef(oid) as definition
    from pg_constraint where connamespace = 'public'::regnamespace and conrelid <> 0 and contype in ('c', 'f', 'x')`.execute(
    db,
  );
  const named = await sql<{ text: string }>`
    select 'function ' || oid::regprocedure::text as text from pg_proc p
    where pronamespace = 'public'::regnamespace
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    union all
    select 'type ' || typname from pg_type
    where typnamespace = 'public'::regnamespace and typtype in ('e', 'd', 'c') and typrelid = 0`.execute(db);
  const limits: SchemaShape['limits'] = new Map();
  for (const { name, tab, definition } of indexes.rows)
    limits.set(`${tab} unique ${definition}`, {
      tables: [tab],
      definition: `unique index ${name}: ${definition}`,
    });
  for (const { name, tab, other, definition } of constraints.rows)
    limits.set(`${tab} ${definition}`, {
      tables: other ? [tab, other] : [tab],
      definition: `${tab} ${name}: ${definition}`,
    });
  return {
    tables: new Set(columns.rows.map(({ tab }) => tab)),
    columns: new Map(
      columns.rows.map(({ tab, col, type, nullable, filled }) => [
        `${tab}.${col}`,
        { type, nullable, filled },
      ]),
    ),
    relied: new Set([
      ...named.rows.map(({ text }) => text),
      ...indexes.rows.map(({ tab, definition }) => `${tab} unique ${definition}`),
    ]),
    limits,
  };
}

/** Why statements of the release with the schema `before` may fail on the schema `after`; empty: they do not. */
export function contractions(before: SchemaShape, after: SchemaShape): string[] {
  const found: string[] = [];
  for (const [name, was] of before.columns) {
    const is = after.columns.get(name);
    if (!is) found.push(`${name} is gone`);
    else if (is.type !== was.type) found.push(`${name} was ${was.type} and is ${is.type}`);
    else if (was.nullable && !is.nullable) found.push(`${name} takes null no longer`);
    else if (was.filled && !is.filled && !is.nullable) found.push(`${name} has a default no longer`);
  }
  for (const [name, { nullable, filled }] of after.columns) {
    const table = name.slice(0, name.indexOf('.'));
    if (before.tables.has(table) && !before.columns.has(name) && !nullable && !filled)
      found.push(
        `${name} is new, and rows of the release before have no value for it: make it nullable or give it a default`,
      );
  }
  for (const text of before.relied) if (!after.relied.has(text)) found.push(`${text} is gone`);
  for (const [key, { tables, definition }] of after.limits) {
    const binds = tables.filter((table) => before.tables.has(table));
    if (before.limits.has(key) || binds.length === 0) continue;
    // a row that goes takes those with it that the release before does not know
    if (!before.tables.has(tables[0]!) && /on delete (cascade|set null)/i.test(definition)) continue;
    found.push(`${definition} refuses what the release before may do with ${binds.join(', ')}`);
  }
  return found;
}
