import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import type { CollectorValidators } from './collector-validators.ts';
import type { ComponentFit } from './component-fit.postgres.ts';
import type { ConfigurationText } from './configuration.ts';
import { credentialProblems } from './credential-problems.ts';
import { InvalidTemplate, UnknownFleet } from './errors.ts';
import { toProblem, validateFiles, type FileProblem } from './file-problems.ts';
import type { RenderFleet } from './render-inputs.postgres.ts';
import type { RenderedConfigs, Rendering } from './rendered-configs.postgres.ts';
import { CompiledConfiguration } from './rendering.ts';
import { validateConfiguration } from './validate.ts';

/** Different texts that are looked at for one fleet, those of most agents first. */
const maxTexts = 100;
/** Of those, what real collectors are asked about: a second of CPU for each. */
const maxAsked = 10;

/** A finding, and whom it concerns. */
export interface Finding extends FileProblem {
  /** Null: every agent. */
  readonly agents: readonly AgentId[] | null;
}

/** Checks a text as the agents that would get it will see it. */
export class ConfigurationValidation {
  readonly #db: Kysely<Database>;
  readonly #rendered: RenderedConfigs;
  readonly #fit: ComponentFit;

  readonly #collectors: CollectorValidators;

  constructor(deps: {
    db: Kysely<Database>;
    rendered: RenderedConfigs;
    fit: ComponentFit;
    collectors: CollectorValidators;
  }) {
    this.#db = deps.db;
    this.#rendered = deps.rendered;
    this.#fit = deps.fit;
    this.#collectors = deps.collectors;
  }

  /**
   * All findings. Without a fleet, the fleets whose stable version is of `name` are asked; without any, the text
   * is checked for itself, as far as it is no template. Throws `UnknownFleet`, `InvalidSelector`.
   */
  async validate(
    text: ConfigurationText,
    scope: { name?: string | undefined; fleet?: string | undefined },
  ): Promise<Finding[]> {
    const credentials = credentialsIn(text);
    const compiled = compile(text);
    if (compiled instanceof InvalidTemplate) {
      return [...credentials, { ...toProblem(compiled), agents: null }];
    }
    const findings = compiled.perAgent ? [] : forEverybody(compiled);
    for (const fleet of await this.#fleets(scope)) {
      findings.push(...(await this.#forFleet(compiled, fleet)));
    }
    return distinct([...credentials, ...findings]);
  }

  async #forFleet(compiled: CompiledConfiguration, fleet: RenderFleet): Promise<Finding[]> {
    const renderings = await this.#rendered.preview(this.#db, compiled, fleet, null);
    const unrendered = renderings.flatMap(({ error, agents }) =>
      error ? [{ ...toProblem(error), agents }] : [],
    );
    const looked = largestFirst(renderings).slice(0, maxTexts);
    const texts = compiled.perAgent
      ? looked.flatMap(({ config, agents }) =>
          validateFiles(config!.files, validateConfiguration).map((problem) => ({ ...problem, agents })),
        )
      : [];
    const groups = looked.map(({ config, agents }) => ({ agents, files: config!.files }));
    const misfits = await this.#fit.misfits(this.#db, fleet.name, groups);
    const lacking = misfits.flatMap(({ agents, problems }) =>
      problems.map((problem) => ({ ...problem, agents })),
    );
    const refused = await this.#askCollectors(looked.slice(0, maxAsked));
    const left = renderings.length - unrendered.length - looked.length;
    return [
      ...unrendered,
      ...texts,
      ...lacking,
      ...refused,
      ...(left > 0 ? [notLookedAt(fleet.name, left)] : []),
    ];
  }

  /** What the real collectors that agents run, where there are such here, say to their texts. */
  async #askCollectors(renderings: readonly Rendering[]): Promise<Finding[]> {
    if ((await this.#collectors.list()).length === 0) return [];
    const findings: Finding[] = [];
    for (const { agents, config } of renderings) {
      for (const build of await this.#builds(agents)) {
        const problems = await this.#collectors.validate(build, config!.files);
        for (const problem of problems ?? []) findings.push({ ...problem, agents: build.agents });
      }
    }
    return findings;
  }

  /** Agents by distribution and version of their collector. */
  async #builds(agents: readonly AgentId[]) {
    const { rows } = await sql<{ distribution: string; version: string; uids: Buffer }>`
      select agents.type as distribution, agents.version, string_agg(uuid_send(agents.uid), '') as uids
      from unnest(${binaryArray('uuid', agents)}::uuid[]) as asked (uid) join agents on agents.uid = asked.uid
      group by 1, 2`.execute(this.#db);
    return rows.map(({ uids, ...build }) => ({ ...build, agents: agentIdsFromBytes(uids) }));
  }

  async #fleets({ name, fleet }: { name?: string | undefined; fleet?: string | undefined }) {
    let query = this.#db.selectFrom('fleets').select(['name', 'variables']).orderBy('name');
    if (fleet !== undefined) query = query.where('name', '=', fleet);
    else if (name !== undefined) query = query.where('configuration', '=', name);
    else return [];
    const fleets = await query.execute();
    if (fleet !== undefined && fleets.length === 0) throw new UnknownFleet(fleet);
    return fleets;
  }
}

function compile(text: ConfigurationText): CompiledConfiguration | InvalidTemplate {
  try {
    return new CompiledConfiguration(text);
  } catch (error) {
    if (error instanceof InvalidTemplate) return error;
    throw error;
  }
}

/** A template's text is looked at before anything is put in: what agents say of themselves is not its author's. */
function credentialsIn({ body, files, overlays }: ConfigurationText): Finding[] {
  const texts = [
    ['', body],
    ...Object.entries(files),
    ...overlays.map((overlay, index) => [`overlays[${index}]`, overlay.body]),
  ] as [string, string][];
  return texts.flatMap(([file, text]) =>
    credentialProblems(text).map((problem) => ({ ...problem, file, agents: null })),
  );
}

function forEverybody(compiled: CompiledConfiguration): Finding[] {
  const { files } = compiled.render({ agent: {}, fleet: {}, variables: {}, labels: {}, attributes: {} }, []);
  return validateFiles(files, validateConfiguration).map((problem) => ({ ...problem, agents: null }));
}

function largestFirst(renderings: readonly Rendering[]): Rendering[] {
  return renderings
    .filter(({ config }) => config !== null)
    .toSorted((a, b) => b.agents.length - a.agents.length);
}

function notLookedAt(fleet: string, texts: number): Finding {
  return {
    severity: 'warning',
    message: `${texts} more texts of fleet "${fleet}", each for fewer agents, were rendered and not checked further`,
    path: null,
    line: null,
    column: null,
    file: '',
    agents: null,
  };
}

/** The same finding in texts of several groups is one, which concerns all of them. */
function distinct(findings: readonly Finding[]): Finding[] {
  const found = new Map<string, Finding>();
  for (const finding of findings) {
    const { agents, ...problem } = finding;
    const key = JSON.stringify(problem);
    const known = found.get(key);
    const all = known?.agents && agents ? [...new Set([...known.agents, ...agents])] : null;
    found.set(key, known ? { ...problem, agents: all } : finding);
  }
  return [...found.values()];
}
