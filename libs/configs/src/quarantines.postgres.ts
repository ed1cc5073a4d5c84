import { sql, type Kysely } from 'kysely';
import { InvalidCursor } from '@muster/agents/errors';
import type { AgentId } from '@muster/agents/agent-id';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import { uuidV7 } from '@muster/db/uuid-v7';
import type { Announcer } from './announcer.ts';
import type { CohortKind } from './cohort-kind.ts';
import { UnknownQuarantine } from './errors.ts';

/** Who is not offered a version, because it failed there. */
export interface Quarantine {
  readonly id: string;
  readonly scope: 'agent' | 'cohort';
  /** Null: a cohort. Without a name: it was deleted, or has none. */
  readonly agent: { readonly uid: AgentId; readonly name: string } | null;
  readonly cohort: CohortKind | null;
  readonly fleet: string | null;
  /** What the config that failed was rendered from. */
  readonly versions: readonly { readonly configuration: string; readonly version: number }[];
  readonly reason: string;
  readonly since: Date;
  readonly liftedAt: Date | null;
  readonly liftedBy: string | null;
}

export interface QuarantineQuery {
  readonly agent?: string | undefined;
  /** That its agents are in, or are of the cohort of; or that showed it. */
  readonly fleet?: string | undefined;
  readonly configuration?: string | undefined;
  /** True: those that were lifted, else those in force. */
  readonly lifted: boolean;
  readonly limit: number;
  readonly after?: string | undefined;
}

/**
 * Quarantine by agent is a row of `config_failures`, which inventory writes; quarantine by cohort is what a
 * rollout wrote, or convergence. Both last until somebody lifts them.
 */
export class Quarantines {
  readonly #db: Kysely<Database>;
  readonly #announcer: Announcer;

  constructor(db: Kysely<Database>, announcer: Announcer) {
    this.#db = db;
    this.#announcer = announcer;
  }

  /** The latest first. `after` is the `next` of the page before; throws `InvalidCursor`. */
  async page(query: QuarantineQuery): Promise<{ items: Quarantine[]; next: string | null }> {
    const { agent, fleet, configuration, lifted, limit } = query;
    const { at, id } = readCursor(query.after);
    const { rows } = await sql<Quarantine & { at: string }>`
      with found as (
        select f.id, 'agent' as scope, f.failed_at as since, f.lifted_at, f.lifted_by, f.error as reason,
          members.fleet, f.uid, f.hash, a.name, null as type, null as agent_version, null as os, null as arch,
          null as configuration, null::int as version
        from config_failures f left join agents a on a.uid = f.uid
        left join fleet_members members on members.uid = a.uid
        where (${agent ?? null}::uuid is null or f.uid = ${agent ?? null}::uuid)
          and (${fleet ?? null}::text is null or members.fleet = ${fleet ?? null})
          and (${configuration ?? null}::text is null or f.hash in (
            select rv.hash from rendered_versions rv where rv.configuration = ${configuration ?? null}))
        union all
        select q.id, 'cohort', q.made_at, q.lifted_at, q.lifted_by, q.reason,
          q.fleet, null, null, null, q.type, q.agent_version, q.os, q.arch, q.configuration, q.version
        from cohort_quarantines q
        where (${agent ?? null}::uuid is null or exists (
            select from agents a where a.uid = ${agent ?? null}::uuid and a.type = q.type
              and a.version = q.agent_version and a.os = q.os and a.arch = q.arch))
          and (${configuration ?? null}::text is null or q.configuration = ${configuration ?? null})
          and (${fleet ?? null}::text is null or q.fleet = ${fleet ?? null} or exists (
            select from fleet_members members join agents a on a.uid = members.uid
            where members.fleet = ${fleet ?? null} and a.type = q.type
              and a.version = q.agent_version and a.os = q.os and a.arch = q.arch))
      ),
      page as (
        select found.*, (extract(epoch from since) * 1000000)::bigint as at from found
        where (lifted_at is not null) = ${lifted}
          and (${at}::bigint is null
            or ((extract(epoch from since) * 1000000)::bigint, id) < (${at}::bigint, ${id}::uuid))
        order by at desc, id desc limit ${limit + 1}
      )
      select id, scope, fleet, reason, since, lifted_at as "liftedAt", lifted_by as "liftedBy", at::text,
        case when uid is not null then
          jsonb_build_object('uid', uid, 'name', coalesce(name, '')) end as agent,
        case when scope = 'cohort' then
          jsonb_build_object('type', type, 'version', agent_version, 'os', os, 'arch', arch) end as cohort,
        case when scope = 'cohort'
          then jsonb_build_array(jsonb_build_object('configuration', configuration, 'version', version))
          else (
            select coalesce(jsonb_agg(
              jsonb_build_object('configuration', rv.configuration, 'version', rv.version)
              order by rv.configuration, rv.version), '[]')
            from rendered_versions rv where rv.hash = page.hash) end as versions
      from page order by page.at desc, id desc`.execute(this.#db);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return {
      items: items.map(toQuarantine),
      next: rows.length > limit && last ? `${last.at}_${last.id}` : null,
    };
  }

  /**
   * Ends a quarantine. An agent that fell back from what it failed is, from now on, meant to run what it fell
   * back to, so that convergence brings it to its fleet's stable version. Throws `UnknownQuarantine`.
   */
  async lift(tx: Tx, actor: string, id: string): Promise<void> {
    const failure = await tx.db
      .updateTable('config_failures')
      .set({ lifted_at: sql<Date>`now()`, lifted_by: actor })
      .where('id', '=', id)
      .where('lifted_at', 'is', null)
      .returning(['uid', 'hash'])
      .executeTakeFirst();
    if (failure) return this.#release(tx, failure.uid as AgentId, failure.hash);
    const { numUpdatedRows } = await tx.db
      .updateTable('cohort_quarantines')
      .set({ lifted_at: sql<Date>`now()`, lifted_by: actor })
      .where('id', '=', id)
      .where('lifted_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw new UnknownQuarantine(id);
  }

  async #release(tx: Tx, agent: AgentId, hash: Buffer): Promise<void> {
    await sql`
      update agent_configurations c
      set target_configuration = case when c.desired_hash is not null then c.previous_configuration end,
        target_version = case when c.desired_hash is not null then c.previous_version end,
        target_hash = c.desired_hash, rollout_id = null, updated_at = now()
      where c.uid = ${agent} and c.target_hash = ${hash} and c.desired_hash is distinct from c.target_hash`.execute(
      tx.db,
    );
    tx.afterCommit(() => this.#announcer.announceAgents([agent], 'configuration'));
  }

  /** No agent of this kind is offered the version any more. `traits` null: of any kind the cohort has. */
  async addCohort(
    tx: Tx,
    quarantine: {
      readonly id: string;
      readonly fleet: string;
      readonly configuration: string;
      readonly version: number;
      readonly cohort: number;
      readonly traits: CohortKind | null;
      readonly reason: string;
    },
  ): Promise<void> {
    const { id: rollout, cohort, traits, fleet, configuration, version, reason } = quarantine;
    const kinds = traits ? [traits] : await this.#kindsOf(tx, rollout, cohort);
    for (const kind of kinds)
      await this.addKind(tx, { rollout, kind, fleet, configuration, version, reason });
  }

  /** The same for one kind. `rollout` null: convergence has shown it. */
  async addKind(
    tx: Tx,
    quarantine: {
      readonly rollout: string | null;
      readonly fleet: string;
      readonly configuration: string;
      readonly version: number;
      readonly kind: CohortKind;
      readonly reason: string;
    },
  ): Promise<void> {
    const { rollout, kind, fleet, configuration, version, reason } = quarantine;
    await tx.db
      .insertInto('cohort_quarantines')
      .values({
        id: uuidV7(),
        configuration,
        version,
        type: kind.type,
        agent_version: kind.version,
        os: kind.os,
        arch: kind.arch,
        fleet,
        rollout_id: rollout,
        reason,
        made_at: sql<Date>`now()`,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  async #kindsOf(tx: Tx, rollout: string, cohort: number): Promise<CohortKind[]> {
    return tx.db
      .selectFrom('rollout_agents as ra')
      .innerJoin('agents as a', 'a.uid', 'ra.uid')
      .select(['a.type', 'a.version', 'a.os', 'a.arch'])
      .distinct()
      .where('ra.rollout_id', '=', rollout)
      .where('ra.cohort', '=', cohort)
      .execute();
  }

  /** Ends those that this rollout has made; of one kind, or of all (null). Answers whose they were. */
  async liftCohorts(
    tx: Tx,
    actor: string,
    rollout: string,
    kind: CohortKind | null = null,
  ): Promise<(CohortKind & { id: string })[]> {
    return tx.db
      .updateTable('cohort_quarantines')
      .set({ lifted_at: sql<Date>`now()`, lifted_by: actor })
      .where('rollout_id', '=', rollout)
      .$if(kind !== null, (some) =>
        some.where((where) =>
          where.and({
            type: kind!.type,
            agent_version: kind!.version,
            os: kind!.os,
            arch: kind!.arch,
          }),
        ),
      )
      .where('lifted_at', 'is', null)
      .returning(['id', 'type', 'agent_version as version', 'os', 'arch'])
      .execute();
  }
}

function toQuarantine(row: Quarantine): Quarantine {
  const { id, scope, agent, cohort, fleet, versions, reason, since, liftedAt, liftedBy } = row;
  return { id, scope, agent, cohort, fleet, versions, reason, since, liftedAt, liftedBy };
}

const cursorText = /^(\d{1,19})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function readCursor(after: string | undefined): { at: string | null; id: string | null } {
  if (after === undefined) return { at: null, id: null };
  const [, at, id] = cursorText.exec(after) ?? [];
  if (at === undefined || id === undefined) throw new InvalidCursor();
  return { at, id };
}
