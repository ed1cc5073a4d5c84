/** The embedded PostgreSQL cannot run here; the message is one line with the cause and the way out. */
export class PostgresUnusable extends Error {
  readonly code = 'postgres-unusable';
}

/** The database of MUSTER_DATABASE_URL cannot be used or reached; the message is one line with the cause and the way out. */
export class DatabaseUnusable extends Error {
  readonly code = 'database-unusable';
}

/** The database has a schema that this release cannot run with or cannot bring up to date; the message says the way out. */
export class SchemaUnusable extends Error {
  readonly code = 'schema-unusable';
}
