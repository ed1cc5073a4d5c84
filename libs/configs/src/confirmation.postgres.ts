import { sql, type RawBuilder } from 'kysely';
import { agentCapability } from '@muster/opamp/capabilities';

/** What the query calls the table `agent_states`. */
type States = string;

/** Does the agent say what it makes of a remote config (OpAMP ReportsRemoteConfig)? */
export function canSay(states: States): RawBuilder<boolean> {
  return has(states, agentCapability.ReportsRemoteConfig);
}

/** Does it report what it runs (OpAMP ReportsEffectiveConfig)? */
export function reportsEffectiveConfig(states: States): RawBuilder<boolean> {
  return has(states, agentCapability.ReportsEffectiveConfig);
}

/**
 * Does the effective config that the agent reports contain what was rendered? False also where configs has not compared
 * them yet, or could.
 *
 * @param hash of what was rendered, as SQL
 */
export function runs(states: States, hash: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`(${reportsEffectiveConfig(states)} and exists (
    select from effective_comparisons compared
    where compared.rendered_hash = ${hash} and compared.effective_hash = ${sql.ref(`${states}.effective_config_hash`)}
      and not compared.differs and compared.not_compared is null))`;
}

function has(states: States, bit: number): RawBuilder<boolean> {
  return sql<boolean>`coalesce(mod(div(${sql.ref(`${states}.capabilities`)}, ${bit}), 2) = 1, false)`;
}
