import { sql } from 'kysely';
import { acceptsRemoteConfig } from '@muster/configs/accepts-remote-config.postgres';
import { agentStates, type RolloutAgentState, type WaveCounts } from './rollout-agent.ts';
import type { RolloutRecord } from './rollout-store.postgres.ts';

/** Can be offered something by a rollout of this fleet now; over `agents` as a and `agent_states` as s. */
export function reachable(fleet: string) {
  return sql<boolean>`coalesce(s.connected and a.fleet = ${fleet} and ${acceptsRemoteConfig('s')}, false)`;
}

/** The agents of the waves reached: `rollout_standings` with what they report, each looked up once. */
export function reached(rollout: RolloutRecord) {
  return sql`
    select standing.*, rollout_agent_state(standing.planned, wave_offered_at, wave_settled_at, applied) as state
    from (
      select ra.uid, ra.wave, ra.hash, ra.state as planned, w.wave_offered_at, w.wave_settled_at,
        coalesce(ra.offered_at, case when ra.state = 'waiting' then w.wave_offered_at end) as offered_at,
        coalesce(ra.settled_at, case when ra.state = 'waiting' then w.wave_settled_at end) as settled_at,
        coalesce(s.remote_config_hash = ra.hash and s.remote_config_status = 1, false) as applied,
        coalesce(s.connected, false) as connected, s.healthy,
        -- its gateway could not send it the config since it was offered
        coalesce(
          s.offered_config_hash = ra.hash and s.offer_error <> ''
            and s.offered_at >= coalesce(ra.offered_at, w.wave_offered_at), false) as not_sendable,
        s.offer_error
      from rollouts r
      join rollout_agents ra on ra.rollout_id = r.id
      cross join lateral (
        select r.waves_offered[ra.wave + 1] as wave_offered_at, r.waves_settled[ra.wave + 1] as wave_settled_at) w
      left join agent_states s on s.uid = ra.uid
      where r.id = ${rollout.id} and ra.wave <= ${rollout.wave}
    ) standing`;
}

/** Who refused what the rollout brings: few, whatever its size. */
export function refusals(rollout: RolloutRecord) {
  return sql`
    select f.uid, f.hash, f.error from config_failures f
    where f.lifted_at is null
      and f.hash in (select distinct ra.hash from rollout_agents ra where ra.rollout_id = ${rollout.id})`;
}

/** The columns of `CountRow`, over agents as st, grouped by wave and state. */
export function tally(now: number) {
  return sql`st.wave, st.state, count(*)::int as agents,
    (count(*) filter (where st.state = 'applied' and st.healthy is false))::int as unhealthy,
    (count(*) filter (where st.offered_at is not null and not st.connected))::int as disconnected,
    (count(*) filter (where st.offered_at > ${new Date(now - 1000)}))::int as recent,
    min(st.offered_at) filter (
      where st.state = 'offered' or (st.state = 'rolledBack' and st.settled_at is null)) as oldest_open`;
}

/** Agents that missed their turn, or went offline after it, and are back; rows of `rollout_agents` as ra. */
export function deferredReachable(rollout: RolloutRecord) {
  return sql`rollout_agents ra
    join agents a on a.uid = ra.uid
    join agent_states s on s.uid = ra.uid and ra.state = 'deferred'
      and ra.rollout_id = ${rollout.id} and ra.wave <= ${rollout.wave} and ${reachable(rollout.fleet)}`;
}

/** Agents that stand alike, counted; see `tally`. */
export interface CountRow {
  wave: number;
  state: RolloutAgentState;
  agents: number;
  unhealthy: number;
  disconnected: number;
  recent: number;
  oldest_open: Date | null;
}

/** Of the rows of one wave. */
export function toWaveCounts(rows: readonly CountRow[]): WaveCounts {
  const byState = agentStates.map((state) => [
    state,
    sum(rows, (row) => (row.state === state ? row.agents : 0)),
  ]);
  return {
    ...(Object.fromEntries(byState) as Record<RolloutAgentState, number>),
    size: sum(rows, (row) => row.agents),
    unhealthy: sum(rows, (row) => row.unhealthy),
    disconnected: sum(rows, (row) => row.disconnected),
  };
}

/** The sum of what `value` says of each. */
export function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
