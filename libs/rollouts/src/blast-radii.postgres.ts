import type { AgentId } from '@muster/agents/agent-id';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import { canSay, reportsEffectiveConfig } from '@muster/configs/confirmation.postgres';
import { kindKey } from '@muster/configs/cohort-kind';
import { UnknownFleet } from '@muster/configs/errors';
import { parsePolicy } from '@muster/configs/policy';
import { quarantineOf } from '@muster/configs/quarantine.postgres';
import type { FittedRendering, RenderedConfigs } from '@muster/configs/rendered-configs.postgres';
import {
  commonTexts,
  distinctFindings,
  findingsIn,
  notLookedAt,
  type Finding,
} from '@muster/configs/text-findings';
import { binaryArray } from '@muster/db/binary-array';
import type { Database } from '@muster/db/schema';
import { sql, type Kysely } from 'kysely';
import {
  compareFiles,
  countCannotSay,
  groupChanges,
  groupSkipped,
  type Alike,
  type BlastRadius,
} from './blast-radius.ts';
import { sum } from './gates.ts';
import { maxCohorts } from './placement.ts';
import type { RolloutInput } from './rollout-service.ts';
import { waveEnds } from './waves.ts';

/** Groups whose difference is written out. */
const maxChanges = 50;

/** Says what rollouts would do. Nothing is stored. */
export class BlastRadii {
  readonly #db: Kysely<Database>;
  readonly #rendered: RenderedConfigs;

  constructor(db: Kysely<Database>, rendered: RenderedConfigs) {
    this.#db = db;
    this.#rendered = rendered;
  }

  /** Of a rollout started now. Throws `UnknownFleet`, `UnknownConfigurationVersion`, `InvalidPolicy`. */
  async preview(input: Omit<RolloutInput, 'startAt'>): Promise<BlastRadius> {
    const fleet = await this.#db
      .selectFrom('fleets')
      .select(['name', 'variables', 'policy'])
      .where('name', '=', input.fleet)
      .executeTakeFirst();
    if (!fleet) throw new UnknownFleet(input.fleet);
    const policy = parsePolicy(input.policy ?? {}, parsePolicy(fleet.policy));
    const compiled = await this.#rendered.compiled(input);
    const renderings = await this.#rendered.previewFleet(this.#db, compiled, fleet);
    const alike = [...(await this.#alike(input, renderings)), ...(await this.#withoutCapability(fleet.name))];
    const groups = groupChanges(alike);
    const shown = groups.slice(0, maxChanges);
    const before = await this.#rendered.files(
      this.#db,
      shown.flatMap(({ from }) => from ?? []),
    );
    const after = new Map(renderings.flatMap(({ config }) => (config ? [[config.hash, config.files]] : [])));
    const hidden = groups.slice(maxChanges);
    return {
      agents: sum(alike, ({ agents }) => agents),
      touched: sum(groups, ({ agents }) => agents),
      cannotSay: countCannotSay(alike),
      waves: wavesOf(policy.waves, alike),
      changes: await Promise.all(
        shown.map(async (group) => ({
          ...group,
          ...(await compareFiles(before.get(group.from ?? '') ?? {}, after.get(group.to)!)),
        })),
      ),
      more: { changes: hidden.length, agents: sum(hidden, ({ agents }) => agents) },
      skipped: groupSkipped(alike),
      problems: await problemsOf(fleet.name, renderings),
    };
  }

  /** Everybody who is rendered for, those that are alike together. */
  async #alike(
    { configuration, version }: Pick<RolloutInput, 'configuration' | 'version'>,
    renderings: readonly FittedRendering[],
  ): Promise<Alike[]> {
    const places = renderings.flatMap(({ agents }, place) => agents.map(() => place));
    const uids = renderings.flatMap(({ agents }) => agents);
    const hashes = renderings.map(({ config }) => (config ? Buffer.from(config.hash, 'hex') : null));
    const { rows } = await sql<AlikeRow>`
      select planned.place - 1 as place, encode(old.hash, 'hex') as old,
        a.type, a.version, a.os, a.arch, s.connected, quarantine.reason as quarantine,
        ${told} as told,
        count(*)::int as agents, (array_agg(a.uid order by a.uid))[1:5] as sample
      from unnest(
        ${binaryArray('uuid', uids)}::uuid[],
        ${binaryArray(
          'integer',
          places.map((place) => place + 1),
        )}::integer[]
      ) as planned (uid, place)
      join agents a on a.uid = planned.uid
      join agent_states s on s.uid = planned.uid
      left join rendered_configs old on old.hash = s.applied_config_hash
      cross join lateral (select (${binaryArray('bytea', hashes)}::bytea[])[planned.place] as hash) then_
      left join lateral ${quarantineOf(sql`a.uid`, sql`then_.hash`, { configuration, version })} quarantine on true
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9`.execute(this.#db);
    return rows.map(({ place, old, quarantine, ...row }) => {
      const { config, error, missing } = renderings[place]!;
      return { ...row, from: old, to: config?.hash ?? null, excluded: exclusion(error, missing, quarantine) };
    });
  }

  async #withoutCapability(fleet: string): Promise<Alike[]> {
    const { rows } = await sql<Omit<Alike, 'from' | 'to' | 'excluded'>>`
      select a.type, a.version, a.os, a.arch, s.connected, ${told} as told, count(*)::int as agents,
        (array_agg(a.uid order by a.uid))[1:5] as sample
      from fleet_members m
      join agents a on a.uid = m.uid
      join agent_states s on s.uid = m.uid
      where m.fleet = ${fleet} and not ${acceptsRemoteConfig('s')}
      group by 1, 2, 3, 4, 5, 6`.execute(this.#db);
    const excluded = {
      reason: 'noCapability' as const,
      detail: 'does not accept remote configuration',
    };
    return rows.map((row) => ({ ...row, from: null, to: null, excluded }));
  }
}

const told = sql<Alike['told']>`case
  when ${canSay('s')} then 'byStatus' when ${reportsEffectiveConfig('s')} then 'byEffectiveConfig' else 'unconfirmed' end`;

interface AlikeRow {
  place: number;
  old: string | null;
  type: string;
  version: string;
  os: string;
  arch: string;
  connected: boolean;
  quarantine: string | null;
  told: Alike['told'];
  agents: number;
  sample: AgentId[];
}

/** What is said against the texts that most agents would get, as validation for the fleet says it. */
async function problemsOf(fleet: string, renderings: readonly FittedRendering[]): Promise<Finding[]> {
  const { common, others } = commonTexts(renderings);
  return distinctFindings([...(await findingsIn(common)), ...notLookedAt(fleet, others)]);
}

function exclusion(
  error: Error | null,
  missing: string | null,
  quarantine: string | null,
): Alike['excluded'] {
  if (error) return { reason: 'notRenderable', detail: error.message };
  if (missing !== null) return { reason: 'missingComponent', detail: missing };
  return quarantine === null ? null : { reason: 'quarantine', detail: quarantine };
}

/** As the planner makes them: those in quarantine stand at the end of the last one. */
function wavesOf(waves: readonly string[], alike: readonly Alike[]): number[] {
  const planned = alike.filter(({ excluded }) => excluded === null || excluded.reason === 'quarantine');
  const able = new Set(planned.filter(({ excluded }) => excluded === null).map(kindKey));
  const least = Math.max(1, Math.min(able.size, maxCohorts));
  const ends = waveEnds(
    waves,
    sum(planned, ({ agents }) => agents),
    least,
  );
  return ends.map((end, index) => end - (ends[index - 1] ?? 0));
}
