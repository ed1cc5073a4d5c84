import { sql, type RawBuilder } from 'kysely';
import { agentCapability } from '@muster/opamp/capabilities';

/**
 * May the agent be offered a remote config, by the capabilities it reported (OpAMP AcceptsRemoteConfig)?
 * `states` is what the query calls the table `agent_states`. Capabilities are 64 bits without a sign, which
 * only numeric holds. PostgreSQL takes `<>` for true of almost all rows, as this is, and `=` for true of almost none.
 */
export function acceptsRemoteConfig(states: string): RawBuilder<boolean> {
  const bit = agentCapability.AcceptsRemoteConfig;
  return sql<boolean>`mod(div(${sql.ref(`${states}.capabilities`)}, ${bit}), 2) <> 0`;
}
