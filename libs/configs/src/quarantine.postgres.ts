import { sql, type RawBuilder } from 'kysely';

/** Of which version, as SQL: columns or parameters. */
interface VersionSql {
  readonly configuration: RawBuilder<string> | string;
  readonly version: RawBuilder<number> | number;
}

/** Hashes of everything the version was rendered to, in parentheses. */
export function renderingsOf({ configuration, version }: VersionSql): RawBuilder<unknown> {
  return sql`(
    select rv.hash from rendered_versions rv
    where rv.configuration = ${configuration} and rv.version = ${version})`;
}

/**
 * Is the agent in quarantine for this version: has it failed a rendering of it, or these very bytes, or is its
 * cohort in quarantine? A subquery without rows says it is not; else it answers one row with the `reason` and
 * `since` when.
 *
 * @param uid the agent, as SQL
 * @param hash of the bytes it would get, as SQL
 */
export function quarantineOf(
  uid: RawBuilder<unknown>,
  hash: RawBuilder<unknown>,
  version: VersionSql,
): RawBuilder<unknown> {
  return sql`(
    select reason, since from (
      select f.error as reason, f.failed_at as since from config_failures f
      where f.uid = ${uid} and f.lifted_at is null
        and (f.hash = ${hash} or f.hash in ${renderingsOf(version)})
      union all
      select 'cohort: ' || q.reason, q.made_at from cohort_quarantines q
      join agents member on member.uid = ${uid} and member.type = q.type and member.version = q.agent_version
        and member.os = q.os and member.arch = q.arch
      where q.lifted_at is null and q.configuration = ${version.configuration}
        and q.version = ${version.version}
    ) quarantines limit 1)`;
}
