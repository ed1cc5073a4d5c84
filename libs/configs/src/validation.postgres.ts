import { agentIdsFromBytes, type AgentId } from '@muster/agents/agent-id';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import type { CollectorBuild, CollectorValidators } from './collector-validators.ts';
import type { ComponentFit } from './component-fit.postgres.ts';
import type { ConfigurationText } from './configuration.ts';
import { checkSizes, sizeOfInput } from './configuration-input.ts';
import { UnknownFleet } from './errors.ts';
import { toProblem, warning, type FileProblem } from './file-problems.ts';
import type { RenderFleet } from './render-inputs.postgres.ts';
import type { RenderedConfigs } from './rendered-configs.postgres.ts';
import { CompiledConfiguration } from './rendering.ts';
import {
  commonTexts,
  distinctFindings,
  findingsIn,
  notLookedAt,
  unchecked,
  type CommonText,
  type Finding,
} from './text-findings.ts';
import { textWork } from './text-work.ts';

/** Texts that real collectors are asked about: a second of CPU for each. */
const maxAsked = 10;

/** What was looked at, of which nothing was found that is not told. */
export interface Checked {
  /** Different texts that agents would get. */
  readonly texts: number;
  /** Agents that would get one of them; 0: it was checked for itself. */
  readonly agents: number;
  /** Real collectors that were asked. */
  readonly collectors: readonly CollectorBuild[];
  /** Collectors that these agents run and that are not here; none are told where no collectors are here at all. */
  readonly notAsked: readonly CollectorBuild[];
}

export interface ValidationResult {
  readonly findings: readonly Finding[];
  readonly checked: Checked;
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
   * All findings, and what was looked at. Without a fleet, the fleets whose stable version is of `name` are asked;
   * without any, the text is checked for itself, as far as it is no template. What could not be looked at is a
   * warning. Throws `UnknownFleet`, `InvalidSelector`, `InvalidConfiguration` of a text that is too large, and
   * `InvalidTemplate` of one that takes too much.
   */
  async validate(
    text: ConfigurationText,
    scope: { name?: string | undefined; fleet?: string | undefined },
  ): Promise<ValidationResult> {
    checkSizes(text);
    const { perAgent, isRendered, ...found } = await textWork.run(
      'check',
      text,
      sizeOfInput(text),
      'checked',
    );
    const credentials = found.credentials.map(ofEverybody);
    if (found.unreadable) {
      return { findings: [...credentials, ofEverybody(found.unreadable)], checked: nothing };
    }
    const compiled = new CompiledConfiguration(text);
    const fleets = await this.#fleets(scope);
    const parts: ValidationResult[] = perAgent
      ? []
      : [
          {
            findings: found.problems.map(ofEverybody),
            checked: isRendered ? { ...nothing, texts: 1 } : nothing,
          },
        ];
    if (perAgent && fleets.length === 0) parts.push({ findings: [unchecked(needsFleet)], checked: nothing });
    for (const fleet of fleets) parts.push(await this.#forFleet(compiled, fleet));
    return {
      findings: distinctFindings([...credentials, ...parts.flatMap(({ findings }) => findings)]),
      checked: sum(parts.map(({ checked }) => checked)),
    };
  }

  async #forFleet(compiled: CompiledConfiguration, fleet: RenderFleet): Promise<ValidationResult> {
    const renderings = await this.#rendered.preview(this.#db, compiled, fleet, null);
    const { common, others } = commonTexts(renderings);
    const looked = new Set(common.map(({ config }) => config.hash));
    const unfit = renderings.flatMap(({ error, config, agents }) =>
      error && !(config && looked.has(config.hash)) ? [{ ...toProblem(error), agents }] : [],
    );
    const texts = compiled.perAgent ? await findingsIn(common) : [];
    const groups = common.map(({ config, agents }) => ({ agents, files: config.files }));
    const misfits = await this.#fit.misfits(this.#db, fleet.name, groups);
    const lacking = misfits.flatMap(({ agents, problems }) =>
      problems.map((problem) => ({ ...problem, agents })),
    );
    const asked = await this.#askCollectors(common, fleet.name);
    return {
      findings: [
        ...unfit,
        ...texts,
        ...lacking,
        ...asked.findings,
        ...notLookedAt(fleet.name, others),
        ...(renderings.length === 0
          ? [
              unchecked(
                `no agent of fleet "${fleet.name}" takes configurations, so nothing was checked for it`,
              ),
            ]
          : []),
      ],
      checked: {
        ...asked,
        // The text of everybody is counted once, where it is checked.
        texts: compiled.perAgent ? common.length : 0,
        agents: common.reduce((sum, { agents }) => sum + agents.length, 0),
      },
    };
  }

  /** What the real collectors that agents run, where there are such here, say to their texts. */
  async #askCollectors(
    texts: readonly CommonText[],
    fleet: string,
  ): Promise<Pick<Checked, 'collectors' | 'notAsked'> & { findings: Finding[] }> {
    const result = {
      findings: [] as Finding[],
      collectors: [] as CollectorBuild[],
      notAsked: [] as CollectorBuild[],
    };
    if ((await this.#collectors.list()).length === 0) return result;
    for (const { agents, config } of texts.slice(0, maxAsked)) {
      for (const { agents: concerned, ...build } of await this.#builds(agents)) {
        const problems = await this.#collectors.validate(build, config.files);
        (problems === null ? result.notAsked : result.collectors).push(build);
        for (const problem of problems ?? [isNotHere(build)]) {
          result.findings.push({ ...problem, agents: concerned });
        }
      }
    }
    const left = texts.length - maxAsked;
    if (left > 0) {
      result.findings.push(
        unchecked(
          `real collectors were not asked about ${left} more texts of fleet "${fleet}", each for fewer agents`,
        ),
      );
    }
    return result;
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

function ofEverybody(problem: FileProblem): Finding {
  return { ...problem, agents: null };
}

const nothing: Checked = { texts: 0, agents: 0, collectors: [], notAsked: [] };

function sum(parts: readonly Checked[]): Checked {
  return {
    texts: parts.reduce((texts, part) => texts + part.texts, 0),
    agents: parts.reduce((agents, part) => agents + part.agents, 0),
    collectors: distinctBuilds(parts.flatMap(({ collectors }) => collectors)),
    notAsked: distinctBuilds(parts.flatMap(({ notAsked }) => notAsked)),
  };
}

function distinctBuilds(builds: readonly CollectorBuild[]): CollectorBuild[] {
  return [...new Map(builds.map((build) => [JSON.stringify(build), build])).values()];
}

const needsFleet =
  'what agents get depends on them, and there is no fleet to check it for: name one (fleet); only its texts were read, each for itself';

function isNotHere({ distribution, version }: CollectorBuild): FileProblem {
  const name = `${distribution} ${version}`.trim() || 'an agent that does not say what it is';
  return warning(`${name} was not asked, since MUSTER_COLLECTORS_DIR does not have it`);
}
