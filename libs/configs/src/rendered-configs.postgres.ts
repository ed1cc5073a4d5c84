import type { AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { sql, type Kysely } from 'kysely';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import { InvalidTemplate, UnknownConfigurationVersion } from './errors.ts';
import { inputGroups, type InputGroup, type RenderFleet } from './render-inputs.postgres.ts';
import { CompiledConfiguration, type RenderedConfig } from './rendering.ts';

const maxCompiled = 200;
/** Hashes of 32 bytes with the inputs they came from: some MiB in all. */
const maxKnown = 20_000;
/** Rows in one statement. */
const batchSize = 1_000;

export interface VersionName {
  readonly configuration: string;
  readonly version: number;
}

/** Agents that get the same bytes of a version, or that it cannot be rendered for. */
export interface RenderedGroup {
  /** Of the rendered config, hex, which is stored; null: see `error`. */
  readonly hash: string | null;
  readonly error: InvalidTemplate | null;
  /** Null: every agent that was asked for. */
  readonly agents: readonly AgentId[] | null;
}

/** A group of agents with what they would get, before anything is stored. */
export interface Rendering extends InputGroup {
  readonly config: RenderedConfig | null;
  readonly error: InvalidTemplate | null;
}

/** Renders versions for agents, the same inputs once, and keeps the results by their hash. */
export class RenderedConfigs {
  readonly #configurations: ConfigurationStore;
  /** Versions never change, so what was made of one stays true. */
  readonly #compiled = new Map<string, CompiledConfiguration>();
  /** Version and inputs → hash, of what is stored. */
  readonly #known = new Map<string, string>();

  constructor(configurations: ConfigurationStore) {
    this.#configurations = configurations;
  }

  /** Throws `UnknownConfigurationVersion`. */
  async compiled(
    { configuration, version }: VersionName,
    db?: Kysely<Database>,
  ): Promise<CompiledConfiguration> {
    const key = `${configuration}/${version}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const found = await this.#configurations.version(configuration, version, db);
    if (!found) throw new UnknownConfigurationVersion(configuration, version);
    const compiled = new CompiledConfiguration(found);
    if (this.#compiled.size >= maxCompiled) this.#compiled.clear();
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /**
   * What agents of a fleet get of a version (null: all of the fleet that accept remote configs). Configs are
   * stored when `tx` commits. Throws `UnknownConfigurationVersion`.
   */
  async renderFor(
    tx: Tx,
    version: VersionName,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
  ): Promise<RenderedGroup[]> {
    const compiled = await this.compiled(version, tx.db);
    if (!compiled.perAgent) {
      return [{ hash: await this.#storeConstant(tx, version, compiled), error: null, agents: null }];
    }
    const outcomes = (await inputGroups(tx.db, compiled, fleet, agents)).map((group) => {
      const key = JSON.stringify([version, group.values, group.overlays]);
      const hash = this.#known.get(key);
      const rendered = hash === undefined ? render(compiled, group) : { config: null, error: null };
      return { group, key, hash: hash ?? rendered.config?.hash ?? null, ...rendered };
    });
    const fresh = outcomes.flatMap(({ key, config }) => (config ? [{ key, config }] : []));
    await this.#store(
      tx,
      version,
      fresh.map(({ config }) => config),
    );
    for (const { key, config } of fresh) tx.afterCommit(() => this.#remember(key, config.hash));
    await this.#note(tx, version, outcomes);
    return outcomes.map(({ group, hash, error }) => ({ hash, error, agents: group.agents }));
  }

  /** The same, and nothing is stored. */
  async preview(
    db: Kysely<Database>,
    compiled: CompiledConfiguration,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
  ): Promise<Rendering[]> {
    const groups = await inputGroups(db, compiled, fleet, agents);
    return groups.map((group) => ({ ...group, ...render(compiled, group) }));
  }

  async #storeConstant(tx: Tx, version: VersionName, compiled: CompiledConfiguration): Promise<string> {
    const key = JSON.stringify(version);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const config = compiled.render({ agent: {}, fleet: {}, variables: {}, labels: {}, attributes: {} }, []);
    await this.#store(tx, version, [config]);
    tx.afterCommit(() => this.#remember(key, config.hash));
    return config.hash;
  }

  async #store(
    tx: Tx,
    { configuration, version }: VersionName,
    configs: readonly RenderedConfig[],
  ): Promise<void> {
    const distinct = [...new Map(configs.map((config) => [config.hash, config])).values()].toSorted((a, b) =>
      a.hash < b.hash ? -1 : 1,
    );
    for (let start = 0; start < distinct.length; start += batchSize) {
      const batch = distinct.slice(start, start + batchSize);
      const hashes = binaryArray(
        'bytea',
        batch.map(({ hash }) => Buffer.from(hash, 'hex')),
      );
      await sql`
        insert into rendered_configs (hash, remote_config, files)
        select hash, remote_config, files::jsonb from unnest(
          ${hashes}::bytea[],
          ${binaryArray(
            'bytea',
            batch.map(({ remoteConfig }) => remoteConfig),
          )}::bytea[],
          ${binaryArray(
            'text',
            batch.map(({ files }) => JSON.stringify(files)),
          )}::text[]
        ) as rendered (hash, remote_config, files)
        on conflict do nothing`.execute(tx.db);
      await sql`
        insert into rendered_versions (hash, configuration, version)
        select hash, ${configuration}, ${version} from unnest(${hashes}::bytea[]) as rendered (hash)
        on conflict do nothing`.execute(tx.db);
    }
  }

  /** Notes for each agent from which inputs it was rendered: who has not changed is not rendered again. */
  async #note(
    tx: Tx,
    { configuration, version }: VersionName,
    outcomes: readonly { group: InputGroup; hash: string | null; error: InvalidTemplate | null }[],
  ): Promise<void> {
    const rows = outcomes
      .flatMap(({ group, hash, error }) =>
        group.agents.map((uid, index) => ({
          uid,
          inputs: group.inputs[index]!,
          hash: hash === null ? null : Buffer.from(hash, 'hex'),
          error: error?.message ?? null,
        })),
      )
      .toSorted((a, b) => (a.uid < b.uid ? -1 : 1));
    for (let start = 0; start < rows.length; start += batchSize * 10) {
      const batch = rows.slice(start, start + batchSize * 10);
      await sql`
        insert into agent_renderings as r (uid, configuration, version, inputs, hash, error)
        select uid, ${configuration}, ${version}, inputs, hash, error from unnest(
          ${binaryArray(
            'uuid',
            batch.map(({ uid }) => uid),
          )}::uuid[],
          ${binaryArray(
            'uuid',
            batch.map(({ inputs }) => inputs),
          )}::uuid[],
          ${binaryArray(
            'bytea',
            batch.map(({ hash }) => hash),
          )}::bytea[],
          ${binaryArray(
            'text',
            batch.map(({ error }) => error),
          )}::text[]
        ) as rendered (uid, inputs, hash, error)
        on conflict (uid) do update set configuration = excluded.configuration, version = excluded.version,
          inputs = excluded.inputs, hash = excluded.hash, error = excluded.error
        where (r.configuration, r.version, r.inputs, r.hash, r.error) is distinct from
          (excluded.configuration, excluded.version, excluded.inputs, excluded.hash, excluded.error)`.execute(
        tx.db,
      );
    }
  }

  #remember(key: string, hash: string): void {
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(key, hash);
  }
}

function render(
  compiled: CompiledConfiguration,
  { values, overlays }: InputGroup,
): { config: RenderedConfig | null; error: InvalidTemplate | null } {
  try {
    return { config: compiled.render(values, overlays), error: null };
  } catch (error) {
    if (error instanceof InvalidTemplate) return { config: null, error };
    throw error;
  }
}
