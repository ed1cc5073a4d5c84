/** The embedded PostgreSQL cannot run here; the message is one line with the cause and the way out. */
export class PostgresUnusable extends Error {
  readonly code = 'postgres-unusable';
}
