import type { AgentId } from '@muster/agents/agent-id';
import { UnknownAgent } from '@muster/agents/errors';
import {
  formatRequirement,
  matchesSelector,
  selectedValue,
  type Requirement,
  type SelectableAgent,
  type ValueSource,
} from '@muster/agents/selector';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import { UnknownConfiguration } from './errors.ts';
import type {
  ExplainedConfiguration,
  ExplainedFleet,
  ExplainedQuarantine,
  ExplainedRequirement,
  Explanation,
  NextConfiguration,
  RenderedForAgent,
} from './explanation.ts';
import { membershipRule } from './fleet.ts';
import { quarantineOf } from './quarantine.postgres.ts';
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
    const target = await this.#target(agent);
    const keeps = target && !target.held && place.configuration === null ? ` ${keepsWhatItHad}` : '';
    return {
      fleets,
      why: why(fleets, place.fleet) + keeps,
      configuration: await this.#configuration(agent, place, target),
    };
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
    const { fleet, next } = await this.#place(agent, 'agent');
    const rendered = await this.#render(
      { configuration: name, version: chosen },
      { name: fleet ?? '', variables: next ?? {} },
      agent,
    );
    return { version: chosen, ...rendered };
  }

  /** `field`: where the agent was named. */
  async #place(agent: AgentId, field?: string): Promise<Place> {
    const { rows } = await sql<Place>`
      select agents.attributes, agents.labels, token.name as token, members.fleet, fleets.variables as next, fleets.stable_variables as stable,
        fleets.configuration, fleets.version
      from agents
      left join fleet_members members on members.uid = agents.uid
      left join fleets on fleets.name = members.fleet
      left join agent_states owned on owned.uid = agents.uid
      left join enrollment_tokens token on token.id = owned.enrollment_token_id
      where agents.uid = ${agent}`.execute(this.#db);
    if (!rows[0]) throw new UnknownAgent(agent, field);
    return rows[0];
  }

  async #matching(agent: Place): Promise<ExplainedFleet[]> {
    const rules = await this.#db
      .selectFrom('fleets')
      .select(['name', 'selector', 'tokens', 'priority'])
      .orderBy('priority', 'desc')
      .orderBy('name')
      .execute();
    return rules.flatMap((rule) => {
      const selector = membershipRule(rule);
      if (!matchesSelector(selector, agent)) return [];
      const requirements = selector.requirements.map((each) => explainRequirement(each, agent));
      return [{ ...rule, wins: rule.name === agent.fleet, requirements }];
    });
  }

  /** What the agent was given last, also if it failed. */
  async #target(agent: AgentId): Promise<Target | null> {
    const { rows } = await sql<Target>`
      select c.target_configuration as configuration, c.target_version as version,
        encode(c.target_hash, 'hex') as hash, given.files, r.id as rollout, r.variables,
        coalesce(r.fleet = members.fleet, false) as "ofItsFleet",
        coalesce(r.fleet = members.fleet and r.state = 'aborted', false) or exists (
          select from rollouts o join rollout_agents ra on ra.rollout_id = o.id and ra.uid = c.uid
          where o.fleet = members.fleet and o.state in ('running', 'paused', 'rollingBack')) as held,
        case when c.desired_hash is distinct from c.target_hash and c.desired_hash = c.previous_hash
          then jsonb_build_object('name', c.previous_configuration, 'version', c.previous_version,
            'hash', encode(c.previous_hash, 'hex')) end as instead
      from agent_configurations c
      left join fleet_members members on members.uid = c.uid
      left join rendered_configs given on given.hash = c.target_hash
      left join rollouts r on r.id = c.rollout_id
      where c.uid = ${agent} and c.target_hash is not null`.execute(this.#db);
    return rows[0] ?? null;
  }

  async #configuration(
    agent: AgentId,
    place: Place,
    target: Target | null,
  ): Promise<ExplainedConfiguration | null> {
    const wants = wanted(place, target);
    const shown = target ?? wants;
    if (!shown) return null;
    const { configuration, version, rollout } = shown;
    const rendered = await this.#renderChoice(agent, place, shown);
    const next = target && wants ? await this.#next(agent, place, target, wants) : null;
    const quarantine =
      (await this.#quarantine(agent, shown, target?.hash ?? rendered.hash, target)) ??
      (next && wants && (await this.#quarantine(agent, wants, next.hash, null)));
    return {
      name: configuration,
      version,
      source: rollout === null ? 'stable' : 'rollout',
      rollout,
      ...rendered,
      ...(target && { files: target.files, hash: target.hash, error: null }),
      targetHash: target?.hash ?? null,
      next: quarantine ? null : next,
      quarantine,
    };
  }

  /** What its fleet wants of the agent, unless it has that. */
  async #next(
    agent: AgentId,
    place: Place,
    target: Target,
    wants: Choice,
  ): Promise<NextConfiguration | null> {
    const { files, hash, error } = await this.#renderChoice(agent, place, wants);
    const { configuration: name, version } = wants;
    return hash === target.hash ? null : { name, version, files, hash, error };
  }

  async #quarantine(
    agent: AgentId,
    { configuration, version }: VersionName,
    hash: string | null,
    target: Target | null,
  ): Promise<ExplainedQuarantine | null> {
    const bytes = hash === null ? null : Buffer.from(hash, 'hex');
    const { rows } = await sql<Pick<ExplainedQuarantine, 'reason' | 'since'>>`
      select reason, since
      from ${quarantineOf(sql`${agent}::uuid`, sql`${bytes}::bytea`, { configuration, version })} quarantine`.execute(
      this.#db,
    );
    if (!rows[0]) return null;
    return { name: configuration, version, ...rows[0], instead: target?.instead ?? null };
  }

  #renderChoice(agent: AgentId, place: Place, choice: Choice): Promise<RenderedForAgent> {
    const variables = choice.variables ?? place.stable ?? {};
    return this.#render(choice, { name: place.fleet ?? '', variables }, agent);
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
      hash: group.error ? null : group.config!.hash,
      error: group.error?.message ?? null,
    };
  }
}

interface Place extends SelectableAgent {
  fleet: string | null;
  next: Record<string, string> | null;
  stable: Record<string, string> | null;
  configuration: string | null;
  version: number | null;
}

/** A version that somebody chose for the agent. */
interface Choice extends VersionName {
  rollout: string | null;
  variables: Record<string, string> | null;
}

interface Target extends Choice {
  hash: string;
  files: Record<string, string> | null;
  instead: ExplainedQuarantine['instead'];
  /** Did a rollout of the fleet it is in now give it? */
  ofItsFleet: boolean;
  /** Does a rollout decide what comes next? One under way has its plan, and an aborted one leaves all as it is. */
  held: boolean;
}

/** What its fleet wants of the agent now: while a rollout decides, what that gave it; else the stable version. */
function wanted(place: Place, target: Target | null): Choice | null {
  if (target?.held) return target.ofItsFleet ? target : null;
  const { configuration, version, stable } = place;
  if (configuration === null || version === null) return null;
  return { configuration, version, rollout: null, variables: stable };
}

const keepsWhatItHad = 'No configuration is wanted for it there: the agent keeps what it had.';

const saidBy: Record<ValueSource, string> = {
  label: 'said by an operator, as a label',
  attribute: 'said by the agent itself',
  token: 'the enrollment token that the agent belongs to',
};

function explainRequirement(requirement: Requirement, agent: SelectableAgent): ExplainedRequirement {
  const selected = selectedValue(requirement, agent);
  return {
    requirement: formatRequirement(requirement),
    value: selected?.value ?? null,
    source: selected?.source ?? null,
    saidBy: selected ? saidBy[selected.source] : 'the agent has no such value',
  };
}

function explainVariable({ group, member }: TemplateVariable, values: TemplateValues) {
  const known = values[group];
  const names = member === null ? Object.keys(known) : [member];
  return names.map((name) => ({
    name: `${group}.${name}`,
    value: Object.hasOwn(known, name) ? known[name]! : null,
  }));
}

function why(fleets: readonly ExplainedFleet[], fleet: string | null): string {
  const winner = fleets.find(({ wins }) => wins);
  if (!winner) {
    if (fleet !== null) return `The agent has changed: it is about to leave fleet "${fleet}".`;
    return fleets.length === 0 ? 'No fleet matches the agent.' : 'The agent is about to be placed.';
  }
  return `${whyItWins(winner, fleets)}${whyUnsure(winner)}`;
}

function whyItWins(winner: ExplainedFleet, fleets: readonly ExplainedFleet[]): string {
  const others = fleets.filter((other) => other !== winner);
  if (others.length === 0) return `Only fleet "${winner.name}" matches the agent.`;
  const equal = others.some(({ priority }) => priority === winner.priority);
  return equal
    ? `Fleet "${winner.name}" comes first by name among those of priority ${winner.priority}.`
    : `Fleet "${winner.name}" has the highest priority of those that match, ${winner.priority}.`;
}

/** What an agent says of itself anybody can say who has a token. */
function whyUnsure({ requirements }: ExplainedFleet): string {
  const own = requirements.filter(({ source }) => source === 'attribute');
  if (own.length === 0) return '';
  const said = own.map(({ requirement }) => requirement).join(', ');
  return ` It is there by what is said by the agent itself: ${said}.`;
}
