import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import type { CollectorValidators } from './collector-validators.ts';
import type { ComponentFit } from './component-fit.postgres.ts';
import type { ConfigurationText } from './configuration.ts';
import { refuseUnreadable } from './configuration-input.ts';
import { credentialProblems } from './credential-problems.ts';
import { InvalidTemplate, UnknownFleet } from './errors.ts';
import { toProblem, validateFiles } from './file-problems.ts';
import type { RenderFleet } from './render-inputs.postgres.ts';
import type { RenderedConfigs } from './rendered-configs.postgres.ts';
import { CompiledConfiguration, noValues } from './rendering.ts';
import {
  commonTexts,
  distinctFindings,
  findingsIn,
  notLookedAt,
  type CommonText,
  type Finding,
} from './text-findings.ts';
import { validateConfiguration } from './validate.ts';

/** Texts that real collectors are asked about: a second of CPU for each. */
const maxAsked = 10;

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
    return distinctFindings([...credentials, ...findings]);
  }

  async #forFleet(compiled: CompiledConfiguration, fleet: RenderFleet): Promise<Finding[]> {
    const renderings = await this.#rendered.preview(this.#db, compiled, fleet, null);
    const unrendered = renderings.flatMap(({ error, agents }) =>
      error ? [{ ...toProblem(error), agents }] : [],
    );
    const { common, others } = commonTexts(renderings);
    const texts = compiled.perAgent ? await findingsIn(common) : [];
    const groups = common.map(({ config, agents }) => ({ agents, files: config.files }));
    const misfits = await this.#fit.misfits(this.#db, fleet.name, groups);
    const lacking = misfits.flatMap(({ agents, problems }) =>
      problems.map((problem) => ({ ...problem, agents })),
    );
    const refused = await this.#askCollectors(common.slice(0, maxAsked));
    return [...unrendered, ...texts, ...lacking, ...refused, ...notLookedAt(fleet.name, others)];
  }

  /** What the real collectors that agents run, where there are such here, say to their texts. */
  async #askCollectors(texts: readonly CommonText[]): Promise<Finding[]> {
    if ((await this.#collectors.list()).length === 0) return [];
    const findings: Finding[] = [];
    for (const { agents, config } of texts) {
      for (const build of await this.#builds(agents)) {
        const problems = await this.#collectors.validate(build, config.files);
        for (const problem of problems ?? []) findings.push({ ...problem, file: '', agents: build.agents });
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
    const compiled = new CompiledConfiguration(text);
    if (compiled.perAgent) refuseUnreadable(text, compiled);
    return compiled;
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
  try {
    const { files } = compiled.render(noValues, []);
    return validateFiles(files, validateConfiguration).map((problem) => ({ ...problem, agents: null }));
  } catch (error) {
    if (error instanceof InvalidTemplate) return [{ ...toProblem(error), agents: null }];
    throw error;
  }
}
