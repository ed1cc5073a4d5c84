import { sql, type Kysely } from 'kysely';

/** A version is a template: what an agent gets depends on its fleet, its labels and its attributes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table configuration_versions
      add column parent integer, -- the version it was made from; null: the first
      add column files jsonb not null default '{}', -- further files by name: the body alone is the file ""
      add column overlays jsonb not null default '[]', -- [{selector, file, body}…] in the order they are merged
      -- false: every agent gets the same bytes
      add column per_agent boolean not null default false`.execute(db);
  await sql`update configuration_versions set parent = version - 1 where version > 1`.execute(db);
  await sql`
    alter table fleets
      add column variables jsonb not null default '{}', -- for the next rollout
      add column stable_variables jsonb not null default '{}' -- what the stable version is rendered with
  `.execute(db);
  await sql`alter table rollouts add column variables jsonb not null default '{}'`.execute(db);
  // What the last rendering for an agent gave, so that nobody renders again what has not changed. Of versions
  // that are the same for every agent there is one only where the agent cannot take it.
  await sql`
    create table agent_renderings (
      uid uuid primary key,
      configuration text not null,
      version integer not null,
      inputs uuid not null, -- render_inputs of that moment
      hash bytea, -- rendered_configs; null: it could not be rendered, or the agent cannot run it
      error text
    ) with (fillfactor = 80)`.execute(db);
  // Of immutable functions alone, so that PostgreSQL puts it in place of its calls.
  await sql`
    create function render_inputs(attributes jsonb, labels jsonb, components bytea, fleet text, variables jsonb)
    returns uuid language sql immutable parallel safe
    return md5(attributes::text || '|' || labels::text || '|' || coalesce(encode(components, 'hex'), '') || '|' ||
      fleet || '|' || variables::text)::uuid`.execute(db);
  // The same as versionNumbers of libs/agents: four numbers, so that arrays compare as versions do.
  await sql`
    create function version_numbers(version text) returns integer[] language sql immutable parallel safe
    return (
      select array_agg(coalesce(parts.part[number], '0')::integer order by number)
      from (
        select string_to_array(
          substring(version from '^v?([0-9]{1,9}(?![0-9])(?:\\.[0-9]{1,9}(?![0-9]))*)'), '.') as part
      ) parts, generate_series(1, 4) as number
      where parts.part is not null)`.execute(db);
  // Which versions the bytes came from: an agent that failed them is in quarantine for the versions.
  await sql`
    create table rendered_versions (
      hash bytea not null,
      configuration text not null,
      version integer not null,
      primary key (hash, configuration, version)
    )`.execute(db);
  await sql`create index rendered_versions_version on rendered_versions (configuration, version)`.execute(db);
  await sql`
    insert into rendered_versions (hash, configuration, version)
    select target_hash, target_configuration, target_version from agent_configurations
    where target_hash is not null
    union
    select previous_hash, previous_configuration, previous_version from agent_configurations
    where previous_hash is not null
    union
    select ra.hash, r.configuration, r.version from rollout_agents ra join rollouts r on r.id = ra.rollout_id`.execute(
    db,
  );
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop table rendered_versions`.execute(db);
  await sql`drop function version_numbers`.execute(db);
  await sql`drop function render_inputs`.execute(db);
  await sql`drop table agent_renderings`.execute(db);
  await sql`alter table rollouts drop column variables`.execute(db);
  await sql`alter table fleets drop column variables, drop column stable_variables`.execute(db);
  await sql`
    alter table configuration_versions
      drop column parent, drop column files, drop column overlays, drop column per_agent`.execute(db);
}
