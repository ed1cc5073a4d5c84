import type { AgentId } from '@muster/agents/agent-id';
import { UnknownAgent } from '@muster/agents/errors';
import { matchesSelector, parseSelector } from '@muster/agents/selector';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import { UnknownConfiguration } from './errors.ts';
import type { ExplainedConfiguration, ExplainedFleet, Explanation, RenderedForAgent } from './explanation.ts';
import type { RenderFleet } from './render-inputs.postgres.ts';
import type { RenderedConfigs, VersionName } from './rendered-configs.postgres.ts';
import type { TemplateValues, TemplateVariable } from './template.ts';

/** Says which configuration an agent gets and why. Nothing is stored or sent. */
export class Explanations {
  readonly #db: Kysely<Database>;
  readonly #configurations: ConfigurationStore;
  readonly #rendered: RenderedConfigs;

  constructor(db: Kysely<Database>, configurations: ConfigurationStore, rendered: RenderedConfigs) {
    this.#db = db;
    this.#configurations = configurations;
    this.#rendered = rendered;
  }

  /** Throws `UnknownAgent`. */
  async explain(agent: AgentId): Promise<Explanation> {
    const place = await this.#place(agent);
    const fleets = await this.#matching(place);
    return { fleets, why: why(fleets, place.fleet), configuration: await this.#configuration(agent, place) };
  }

  /**
   * What an agent would get of a version (undefined: the newest) in the next rollout of its fleet. Throws
   * `UnknownAgent`, `UnknownConfiguration`, `UnknownConfigurationVersion`.
   */
  async preview(
    name: string,
    version: number | undefined,
    agent: AgentId,
  ): Promise<RenderedForAgent & { version: number }> {
    const newest = await this.#configurations.find(name);
    if (!newest) throw new UnknownConfiguration(name);
    const chosen = version ?? newest.latest.version;
    const { fleet, next } = await this.#place(agent);
    const rendered = await this.#render(
      { configuration: name, version: chosen },
      { name: fleet ?? '', variables: next ?? {} },
      agent,
    );
    return { version: chosen, ...rendered };
  }

  async #place(agent: AgentId): Promise<Place> {
    const { rows } = await sql<Place>`
      select agents.matching, members.fleet, fleets.variables as next, fleets.stable_variables as stable,
        fleets.configuration, fleets.version
      from agents
      left join fleet_members members on members.uid = agents.uid
      left join fleets on fleets.name = members.fleet
      where agents.uid = ${agent}`.execute(this.#db);
    if (!rows[0]) throw new UnknownAgent(agent);
    return rows[0];
  }

  async #matching({ matching, fleet }: Place): Promise<ExplainedFleet[]> {
    const rules = await this.#db
      .selectFrom('fleets')
      .select(['name', 'selector', 'priority'])
      .orderBy('priority', 'desc')
      .orderBy('name')
      .execute();
    return rules
      .filter(({ selector }) => matchesSelector(parseSelector(selector), matching))
      .map((rule) => ({ ...rule, wins: rule.name === fleet }));
  }

  async #configuration(agent: AgentId, place: Place): Promise<ExplainedConfiguration | null> {
    const { rows } = await sql<TargetRow>`
      select c.target_configuration as configuration, c.target_version as version,
        encode(c.target_hash, 'hex') as hash, r.id as rollout, r.variables
      from agent_configurations c left join rollouts r on r.id = c.rollout_id
      where c.uid = ${agent} and c.target_hash is not null`.execute(this.#db);
    const target = rows[0] ?? stableOf(place);
    if (!target) return null;
    const fleet = { name: place.fleet ?? '', variables: target.variables ?? place.stable ?? {} };
    const { configuration, version, rollout, hash: targetHash } = target;
    const rendered = await this.#render({ configuration, version }, fleet, agent);
    const source = rollout === null ? 'stable' : 'rollout';
    return { name: configuration, version, source, rollout, ...rendered, targetHash };
  }

  async #render(version: VersionName, fleet: RenderFleet, agent: AgentId): Promise<RenderedForAgent> {
    const compiled = await this.#rendered.compiled(version);
    const [group] = await this.#rendered.preview(this.#db, compiled, fleet, [agent]);
    if (!group) throw new UnknownAgent(agent);
    return {
      overlays: compiled.text.overlays.map(({ selector, file }, index) => ({
        index,
        selector,
        file,
        applied: group.overlays.includes(index),
      })),
      variables: compiled.variables.flatMap((variable) => explainVariable(variable, group.values)),
      files: group.config?.files ?? null,
      hash: group.config?.hash ?? null,
      error: group.error?.message ?? null,
    };
  }
}

interface Place {
  matching: Record<string, string>;
  fleet: string | null;
  next: Record<string, string> | null;
  stable: Record<string, string> | null;
  configuration: string | null;
  version: number | null;
}

interface TargetRow {
  configuration: string;
  version: number;
  hash: string | null;
  rollout: string | null;
  variables: Record<string, string> | null;
}

function stableOf({ configuration, version, stable }: Place): TargetRow | null {
  if (configuration === null || version === null) return null;
  return { configuration, version, hash: null, rollout: null, variables: stable };
}

function explainVariable({ group, member }: TemplateVariable, values: TemplateValues) {
  const known = values[group];
  const names = member === null ? Object.keys(known) : [member];
  return names.map((name) => ({ name: `${group}.${name}`, value: known[name] ?? null }));
}

function why(fleets: readonly ExplainedFleet[], fleet: string | null): string {
  const winner = fleets.find(({ wins }) => wins);
  if (!winner) {
    if (fleet !== null) return `The agent has changed: it is about to leave fleet "${fleet}".`;
    return fleets.length === 0 ? 'No fleet matches the agent.' : 'The agent is about to be placed.';
  }
  const others = fleets.filter((other) => other !== winner);
  if (others.length === 0) return `Only fleet "${winner.name}" matches the agent.`;
  const equal = others.some(({ priority }) => priority === winner.priority);
  return equal
    ? `Fleet "${winner.name}" comes first by name among those of priority ${winner.priority}.`
    : `Fleet "${winner.name}" has the highest priority of those that match, ${winner.priority}.`;
}
