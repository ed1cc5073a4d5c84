import { sql } from 'kysely';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import { canSay, reportsEffectiveConfig, runs } from '@muster/configs/confirmation.postgres';
import { renderingsOf } from '@muster/configs/quarantine.postgres';
import type { RolloutAgentState } from './rollout-agent.ts';
import type { RolloutRecord } from './rollout-record.ts';

/** Can be offered something by a rollout of this fleet now; over `fleet_members` as m and `agent_states` as s. */
export function reachable(fleet: string) {
  return sql<boolean>`coalesce(s.connected and m.fleet = ${fleet} and ${acceptsRemoteConfig('s')}, false)`;
}

/** The wave whose agents are all looked at; those before it have passed. */
function waveUnderWay(rollout: RolloutRecord): number {
  return rollout.state === 'completed' ? rollout.waveCount : rollout.wave;
}

/**
 * The rows of `rollout_agents` that a look concerns: the wave under way, and of the waves that have passed
 * who does not go the way of its wave, or has refused the config since. How many there are depends on the
 * wave and on what has gone wrong, not on the fleet.
 */
export function concerned(rollout: RolloutRecord) {
  const wave = waveUnderWay(rollout);
  return sql`
    select ra.* from rollout_agents ra where ra.rollout_id = ${rollout.id} and ra.wave = ${wave}
    union all
    select ra.* from rollout_agents ra
    where ra.rollout_id = ${rollout.id} and ra.wave < ${wave} and ra.state not in ('waiting', 'applied')
    union all
    select ra.* from config_failures f
    cross join lateral (
      -- "offset" keeps this a look-up by key for each failure
      select ra.* from rollout_agents ra where ra.rollout_id = ${rollout.id} and ra.uid = f.uid offset 0) ra
    where f.lifted_at is null and f.hash in ${renderingsOf(rollout)}
      and ra.hash = f.hash and ra.wave < ${wave} and ra.state in ('waiting', 'applied')`;
}

/** These agents like `rollout_standings`, with what they report; each is looked up once. */
export function concernedStandings(rollout: RolloutRecord) {
  return sql`
    select standing.*, rollout_agent_state(standing.planned, wave_offered_at, wave_settled_at, applied) as state
    from (
      select ra.uid, ra.wave, ra.cohort, ra.hash, ra.state as planned, ra.no_answer, ra.was_unhealthy,
        w.wave_offered_at, w.wave_settled_at,
        coalesce(ra.offered_at, case when ra.state = 'waiting' then w.wave_offered_at end) as offered_at,
        coalesce(ra.settled_at, case when ra.state = 'waiting' then w.wave_settled_at end) as settled_at,
        coalesce(s.remote_config_hash = ra.hash and s.remote_config_status = 1, false) as applied,
        s.uid is not null and not ${canSay('s')} as cannot_say,
        not ${canSay('s')} and ${runs('s', sql`ra.hash`)} as runs_it,
        -- and nothing is to be waited for
        not ${canSay('s')} and not ${reportsEffectiveConfig('s')} and coalesce(
          s.offered_config_hash = ra.hash and s.offer_error = ''
            and s.offered_at >= coalesce(ra.offered_at, w.wave_offered_at), false) as sent_unconfirmed,
        coalesce(s.connected, false) as connected, s.disconnected_at, s.healthy,
        -- its gateway could not send it the config since it was offered
        coalesce(
          s.offered_config_hash = ra.hash and s.offer_error <> ''
            and s.offered_at >= coalesce(ra.offered_at, w.wave_offered_at), false) as not_sendable,
        s.offer_error
      from (${concerned(rollout)}) ra
      join rollouts r on r.id = ra.rollout_id
      cross join lateral (
        select r.waves_offered[ra.wave + 1] as wave_offered_at, r.waves_settled[ra.wave + 1] as wave_settled_at) w
      left join agent_states s on s.uid = ra.uid
    ) standing`;
}

/**
 * The agent says APPLIED for its target, and was sent nothing else since; over `agent_states` as s and
 * `agent_configurations` as c. Orders begin with epoch and sequence_num.
 */
export const confirms = sql<boolean>`(
  coalesce(s.remote_config_hash = c.target_hash and s.remote_config_status = 1, false)
  and coalesce(s.offered_config_hash = c.target_hash
    or s.remote_config_status_order > substring(s.offered_order from 1 for 16), true))`;

/** Times by which agents are judged, Unix milliseconds. */
export interface Clock {
  readonly now: number;
  /** Nobody listened to agents before: deadlines are not counted from earlier. */
  readonly listeningSince: number;
}

/**
 * The columns of `CountRow`, over agents as st, grouped by wave, cohort and state. An agent that was offered the
 * config and is offline is given as long to come back as to answer: while it is expected nobody counts it.
 */
export function tally({ policy }: RolloutRecord, { now, listeningSince }: Clock) {
  const since = (time: ReturnType<typeof sql>) =>
    sql`greatest(${time}, ${new Date(listeningSince)}::timestamptz)`;
  const goneSince = sql`case st.state
    when 'deferred' then ${since(sql`st.offered_at`)}
    when 'applied' then ${since(sql`coalesce(st.disconnected_at, st.offered_at)`)}
    when 'unconfirmed' then ${since(sql`coalesce(st.disconnected_at, st.offered_at)`)} end`;
  const gone = sql`not st.connected and st.offered_at is not null and ${goneSince}`;
  const expected = new Date(now - policy.applyDeadlineSeconds * 1000);
  return sql`st.wave, st.cohort, st.state, count(*)::int as agents,
    (count(*) filter (where st.state in ('applied', 'unconfirmed') and st.healthy is false and st.was_unhealthy is not true))::int
      as unhealthy,
    (count(*) filter (where ${gone} <= ${expected}))::int as disconnected,
    min(${goneSince}) filter (where ${gone} > ${expected}) as "expectedSince",
    (count(*) filter (where st.state = 'failed' and st.no_answer))::int as "notConverged",
    (count(*) filter (where st.state = 'rolledBack' and st.settled_at is null))::int as reverting,
    max(st.offered_at) filter (where st.state = 'rolledBack' and st.settled_at is null) as "lastReverted",
    min(case when st.state = 'offered' then ${since(sql`st.offered_at`)} else st.offered_at end) filter (
      where st.state = 'offered' or (st.state = 'rolledBack' and st.settled_at is null)) as "oldestOpen"`;
}

/** Agents that stand alike, counted; see `tally`. */
export interface CountRow {
  wave: number;
  cohort: number;
  state: RolloutAgentState;
  agents: number;
  unhealthy: number;
  disconnected: number;
  notConverged: number;
  reverting: number;
  oldestOpen: Date | null;
  lastReverted: Date | null;
  expectedSince: Date | null;
}

/** Agents that missed their turn, or went offline after it, and are back; rows of `rollout_agents` as ra. */
export function deferredReachable(rollout: RolloutRecord) {
  return sql`rollout_agents ra
    join fleet_members m on m.uid = ra.uid
    join agent_states s on s.uid = ra.uid and ra.rollout_id = ${rollout.id} and ra.wave <= ${rollout.wave}
      and ra.state = 'deferred' and ra.state not in ('waiting', 'applied')
      and not ra.cohort = any(${stoppedCohorts(rollout)}::smallint[]) and ${reachable(rollout.fleet)}`;
}

/** Their numbers. */
export function stoppedCohorts({ cohorts }: RolloutRecord): number[] {
  return cohorts.filter(({ state }) => state !== 'running').map(({ cohort }) => cohort);
}
