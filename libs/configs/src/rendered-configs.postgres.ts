import type { AgentId } from '@muster/agents/agent-id';
import { binaryArrayOf } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { sql, type Kysely } from 'kysely';
import type { ComponentFit, FitGroup, Misfit } from './component-fit.postgres.ts';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import { UnknownConfiguration, UnknownConfigurationVersion, type InvalidTemplate } from './errors.ts';
import { inputBytes, inputGroups, type InputGroup, type RenderFleet } from './render-inputs.postgres.ts';
import { CompiledConfiguration, noValues, type RenderedConfig } from './rendering.ts';
import { sizeOfInput } from './configuration-input.ts';
import { renderGroups, type Rendering } from './rendering-slices.ts';
import { textWork } from './text-work.ts';

const maxCompiled = 200;
/** Hashes of 32 bytes with the inputs they came from: some MiB in all. */
const maxKnown = 20_000;
const knownForMs = 24 * 3_600_000;
/** Rows in one statement. */
const batchSize = 1_000;

export interface VersionName {
  readonly configuration: string;
  readonly version: number;
}

/** Agents that get the same bytes of a version, or that cannot be given any. */
export interface RenderedGroup {
  /** Of the rendered config, hex, which is stored; null: see `error` and `missing`. */
  readonly hash: string | null;
  /** It cannot be rendered for them, or no collector could run what it becomes. */
  readonly error: InvalidTemplate | null;
  /** They said that they do not have what it uses; for people. */
  readonly missing: string | null;
  /** Null: every agent that was asked for and is in no other group. */
  readonly agents: readonly AgentId[] | null;
  /** `render_inputs` of each of the agents, one after the other; null: every agent gets the same. */
  readonly inputs: Uint8Array | null;
}

/** What came of rendering for an agent. */
export interface RenderingNote extends Pick<RenderedGroup, 'hash'> {
  readonly agent: AgentId;
  readonly inputs: Uint8Array;
  /** Why it gets nothing; for people. */
  readonly error: string | null;
}

/** Agents of a rendering that have what it uses, or that lack the same. */
export type FittedRendering = Omit<Rendering, 'inputs'> & Pick<RenderedGroup, 'missing'>;

/** Renders versions for agents, the same inputs once, and keeps the results by their hash. */
export class RenderedConfigs {
  readonly #configurations: ConfigurationStore;
  readonly #fit: ComponentFit;
  /** Versions never change, so what was made of one stays true. */
  readonly #compiled = new Map<string, CompiledConfiguration>();
  /** What every agent gets of a version that is the same for all. */
  readonly #constant = new WeakMap<CompiledConfiguration, Rendering>();
  /** Version and inputs → hash, of what was stored within `knownForMs`: what nothing refers to is freed one day. */
  readonly #known = new Map<string, string>();
  #knownSince = Date.now();

  constructor(configurations: ConfigurationStore, fit: ComponentFit) {
    this.#configurations = configurations;
    this.#fit = fit;
  }

  /** Throws `UnknownConfiguration`, `UnknownConfigurationVersion`. */
  async compiled(
    { configuration, version }: VersionName,
    db?: Kysely<Database>,
  ): Promise<CompiledConfiguration> {
    const key = `${configuration}/${version}`;
    const known = this.#compiled.get(key);
    if (known) return known;
    const found = await this.#configurations.version(configuration, version, db);
    if (!found) {
      if (!(await this.#configurations.find(configuration, db)))
        throw new UnknownConfiguration(configuration);
      throw new UnknownConfigurationVersion(configuration, version);
    }
    const compiled = new CompiledConfiguration(found);
    if (this.#compiled.size >= maxCompiled) this.#compiled.clear();
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /**
   * What agents of a fleet get of a version (null: all of the fleet that accept remote configs). Configs are
   * stored when `tx` commits. Throws `UnknownConfigurationVersion`, `InvalidTemplate` if it takes too long.
   */
  async renderFor(
    tx: Tx,
    version: VersionName,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
  ): Promise<RenderedGroup[]> {
    if (Date.now() - this.#knownSince > knownForMs) this.#forget();
    const compiled = await this.compiled(version, tx.db);
    return compiled.perAgent
      ? this.#renderEach(tx, version, compiled, fleet, agents)
      : this.#renderOnce(tx, version, compiled, fleet, agents);
  }

  async #renderOnce(
    tx: Tx,
    version: VersionName,
    compiled: CompiledConfiguration,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
  ): Promise<RenderedGroup[]> {
    const { config, error } = await this.#renderConstant(version, compiled);
    if (config === null || error) return this.#refusedTo(tx, compiled, fleet, agents, error);
    await this.#storeOnce(tx, version, config);
    const misfits = await this.#fit.misfits(tx.db, fleet.name, [{ agents, files: config.files }]);
    const lacking = misfits.flatMap((misfit) => misfit.agents);
    const inputs = lacking.length === 0 ? [] : await inputGroups(tx.db, compiled, fleet, lacking);
    const inputsOf = inputsByAgent(inputs);
    return [
      { hash: config.hash, error: null, missing: null, agents: null, inputs: null },
      ...misfits.map((misfit) => toMissing(misfit, inputsOf)),
    ];
  }

  async #renderConstant(version: VersionName, compiled: CompiledConfiguration): Promise<Rendering> {
    const known = this.#constant.get(compiled);
    if (known) return known;
    const group = { values: noValues, overlays: [], agents: [], inputs: new Uint8Array() };
    const [rendering] = await renderGroups(compiled, [group], nameOf(version));
    this.#constant.set(compiled, rendering!);
    return rendering!;
  }

  /** By name, so that it is noted for each of them. */
  async #refusedTo(
    tx: Tx,
    compiled: CompiledConfiguration,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
    error: InvalidTemplate | null,
  ): Promise<RenderedGroup[]> {
    const groups = await inputGroups(tx.db, compiled, fleet, agents);
    return groups.map(({ agents, inputs }) => ({ hash: null, error, missing: null, agents, inputs }));
  }

  async #renderEach(
    tx: Tx,
    version: VersionName,
    compiled: CompiledConfiguration,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
  ): Promise<RenderedGroup[]> {
    const inputs = await inputGroups(tx.db, compiled, fleet, agents);
    const keyed = inputs.map((group) => {
      const key = JSON.stringify([version, group.values, group.overlays]);
      return { group, key, known: this.#known.get(key) };
    });
    const unknown = keyed.flatMap(({ group, known }) => (known === undefined ? [group] : []));
    const renderings = (await renderGroups(compiled, unknown, nameOf(version))).values();
    const outcomes = keyed.map(({ group, key, known }) => {
      if (known !== undefined) return { group, key, hash: known, config: null, error: null };
      const { config, error } = renderings.next().value!;
      return { group, key, hash: error ? null : config!.hash, config, error };
    });
    const fresh = outcomes.flatMap(({ key, config, error }) => (config && !error ? [{ key, config }] : []));
    await this.#store(
      tx,
      version,
      fresh.map(({ config }) => config),
    );
    for (const { key, config } of fresh) tx.afterCommit(() => this.#remember(key, config.hash));
    const misfits = await this.#fit.misfits(tx.db, fleet.name, await fitGroups(compiled, inputs));
    const rendered = outcomes.map(({ group, hash, error }) => ({
      hash,
      error,
      missing: null,
      agents: group.agents,
      inputs: group.inputs,
    }));
    if (misfits.length === 0) return rendered;
    const lacking = new Set(misfits.flatMap((misfit) => misfit.agents));
    const inputsOf = inputsByAgent(inputs);
    const fitting = rendered.map((group) => {
      const agents = group.agents.filter((agent) => !lacking.has(agent));
      return { ...group, agents, inputs: Buffer.concat(agents.map((agent) => inputsOf.get(agent)!)) };
    });
    return [
      ...fitting.filter(({ agents }) => agents.length > 0),
      ...misfits.map((misfit) => toMissing(misfit, inputsOf)),
    ];
  }

  /** What agents would get; nothing is stored. Throws `InvalidTemplate` if that takes too long. */
  async preview(
    db: Kysely<Database>,
    compiled: CompiledConfiguration,
    fleet: RenderFleet,
    agents: readonly AgentId[] | null,
  ): Promise<Rendering[]> {
    const groups = await inputGroups(db, compiled, fleet, agents);
    return renderGroups(compiled, groups, 'this text');
  }

  /** The same for all of a fleet, those that lack what it uses apart. */
  async previewFleet(
    db: Kysely<Database>,
    compiled: CompiledConfiguration,
    fleet: RenderFleet,
  ): Promise<FittedRendering[]> {
    const renderings = await this.preview(db, compiled, fleet, null);
    const misfits = await this.#fit.misfits(db, fleet.name, await fitGroups(compiled, renderings));
    const missing = new Map(
      misfits.flatMap((misfit) => misfit.agents.map((agent) => [agent, missingIn(misfit.problems)] as const)),
    );
    return renderings.flatMap((rendering) =>
      [...Map.groupBy(rendering.agents, (agent) => missing.get(agent) ?? null)].map(([lack, agents]) => ({
        ...rendering,
        agents,
        missing: lack,
      })),
    );
  }

  /** The files of rendered configs by their hash, hex. */
  async files(
    db: Kysely<Database>,
    hashes: readonly string[],
  ): Promise<Map<string, Readonly<Record<string, string>>>> {
    if (hashes.length === 0) return new Map();
    const rows = await db
      .selectFrom('rendered_configs')
      .select(['hash', 'files'])
      .where(
        'hash',
        'in',
        hashes.map((hash) => Buffer.from(hash, 'hex')),
      )
      .execute();
    return new Map(rows.map(({ hash, files }) => [hash.toString('hex'), files]));
  }

  async #storeOnce(tx: Tx, version: VersionName, config: RenderedConfig): Promise<void> {
    const key = JSON.stringify(version);
    if (this.#known.has(key)) return;
    await this.#store(tx, version, [config]);
    tx.afterCommit(() => this.#remember(key, config.hash));
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
      const hashes = binaryArrayOf('bytea', batch, ({ hash }) => Buffer.from(hash, 'hex'));
      await sql`
        insert into rendered_configs (hash, remote_config, files)
        select hash, remote_config, files::jsonb from unnest(
          ${hashes}::bytea[],
          ${binaryArrayOf('bytea', batch, ({ remoteConfig }) => remoteConfig)}::bytea[],
          ${binaryArrayOf('text', batch, ({ files }) => JSON.stringify(files))}::text[]
        ) as rendered (hash, remote_config, files)
        on conflict (hash) do update set touched_at = now()
        where rendered_configs.touched_at < now() - interval '1 day'`.execute(tx.db);
      await sql`
        insert into rendered_versions (hash, configuration, version)
        select hash, ${configuration}, ${version} from unnest(${hashes}::bytea[]) as rendered (hash)
        on conflict do nothing`.execute(tx.db);
    }
  }

  /** Notes for each agent from which inputs it was rendered: who has not changed is not rendered again. */
  async note(
    tx: Tx,
    { configuration, version }: VersionName,
    notes: readonly RenderingNote[],
  ): Promise<void> {
    const sorted = notes.toSorted((a, b) => (a.agent < b.agent ? -1 : 1));
    for (let start = 0; start < sorted.length; start += batchSize * 10) {
      const batch = sorted.slice(start, start + batchSize * 10);
      await sql`
        insert into agent_renderings as r (uid, configuration, version, inputs, hash, error)
        select uid, ${configuration}, ${version}, inputs, hash, error from unnest(
          ${binaryArrayOf('uuid', batch, ({ agent }) => agent)}::uuid[],
          ${binaryArrayOf('uuid', batch, ({ inputs }) => inputs)}::uuid[],
          ${binaryArrayOf('bytea', batch, ({ hash }) => (hash === null ? null : Buffer.from(hash, 'hex')))}::bytea[],
          ${binaryArrayOf('text', batch, ({ error }) => error)}::text[]
        ) as rendered (uid, inputs, hash, error)
        on conflict (uid) do update set configuration = excluded.configuration, version = excluded.version,
          inputs = excluded.inputs, hash = excluded.hash, error = excluded.error
        where (r.configuration, r.version, r.inputs, r.hash, r.error) is distinct from
          (excluded.configuration, excluded.version, excluded.inputs, excluded.hash, excluded.error)`.execute(
        tx.db,
      );
    }
  }

  #forget(): void {
    this.#known.clear();
    this.#knownSince = Date.now();
  }

  #remember(key: string, hash: string): void {
    if (this.#known.size >= maxKnown) this.#forget();
    this.#known.set(key, hash);
  }
}

/** Where blocks decide which components there are, so many different texts are looked at. */
const maxTexts = 200;

/** What components are used does not depend on the values, unless blocks (`{% … %}`) decide it. */
async function fitGroups(
  compiled: CompiledConfiguration,
  inputs: readonly InputGroup[],
): Promise<FitGroup[]> {
  const found: FitGroup[] = [];
  for (const groups of Map.groupBy(inputs, ({ overlays }) => overlays.join()).values()) {
    const { body, files: named, overlays } = compiled.text;
    const applied = groups[0]!.overlays;
    const files = await textWork.run(
      'skeleton',
      { text: { body, files: named, overlays }, overlays: applied },
      sizeOfInput(compiled.text),
      'merged',
    );
    if (files) found.push({ files, agents: groups.flatMap(({ agents }) => agents) });
    else {
      for (const { config, agents } of await renderGroups(compiled, groups.slice(0, maxTexts), 'this text'))
        if (config) found.push({ files: config.files, agents });
    }
  }
  return found;
}

function toMissing({ agents, problems }: Misfit, inputsOf: ReadonlyMap<AgentId, Uint8Array>) {
  const inputs = Buffer.concat(agents.map((agent) => inputsOf.get(agent)!));
  return { hash: null, error: null, missing: missingIn(problems), agents, inputs };
}

function missingIn(problems: Misfit['problems']): string {
  return problems.map(({ message }) => message).join('; ');
}

function inputsByAgent(groups: readonly InputGroup[]): Map<AgentId, Uint8Array> {
  return new Map(
    groups.flatMap(({ agents, inputs }) =>
      agents.map((agent, place) => [agent, inputsAt(inputs, place)] as const),
    ),
  );
}

/** Of the agent that stands at `place` in its group. */
export function inputsAt(inputs: Uint8Array, place: number): Uint8Array {
  return inputs.subarray(place * inputBytes, (place + 1) * inputBytes);
}

/** What to note of a group of agents; nothing of a version that is the same for every agent. */
export function notesOf({ hash, error, missing, agents, inputs }: RenderedGroup): RenderingNote[] {
  if (agents === null || inputs === null) return [];
  return agents.map((agent, place) => ({
    agent,
    inputs: inputsAt(inputs, place),
    hash,
    error: error?.message ?? missing,
  }));
}

function nameOf({ configuration, version }: VersionName): string {
  return `version ${version} of "${configuration}"`;
}
