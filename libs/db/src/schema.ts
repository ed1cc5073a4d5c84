import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/** The tables, as kysely reads them. Comments on columns are in the migrations. */
export interface Database {
  api_keys: ApiKeysTable;
  sessions: SessionsTable;
  enrollment_tokens: EnrollmentTokensTable;
  enrollments: EnrollmentsTable;
  audit_events: AuditEventsTable;
  agents: AgentsTable;
  agent_states: AgentStatesTable;
  agent_renames: AgentRenamesTable;
  fleet_members: FleetMembersTable;
  report_contents: ReportContentsTable;
  effective_config_findings: EffectiveConfigFindingsTable;
  effective_comparisons: EffectiveComparisonsTable;
  agent_drifts: AgentDriftsTable;
  config_failures: ConfigFailuresTable;
  configurations: ConfigurationsTable;
  configuration_versions: ConfigurationVersionsTable;
  rendered_configs: RenderedConfigsTable;
  rendered_versions: RenderedVersionsTable;
  agent_renderings: AgentRenderingsTable;
  fleets: FleetsTable;
  agent_configurations: AgentConfigurationsTable;
  undelivered_offers: UndeliveredOffersTable;
  rollouts: RolloutsTable;
  rollout_agents: RolloutAgentsTable;
  rollout_cohorts: RolloutCohortsTable;
  rollout_waves: RolloutWavesTable;
  rollout_events: RolloutEventsTable;
  cohort_quarantines: CohortQuarantinesTable;
  database_generation: DatabaseGenerationTable;
}

/** jsonb: parsed when read, JSON text when written. */
export type Json<T> = ColumnType<T, string, string>;
/** numeric and bigint: text when read, so that 64 bits survive. */
export type Big = ColumnType<string, string | number | bigint, string | number | bigint>;
/** Epoch and sequence_num of the report that set a field, 64 bits each; see the migrations. */
type Order = Buffer;
/** A column with a default that is not null. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;

export interface ApiKeysTable {
  id: string;
  name: string;
  secret_hash: Buffer;
  created_at: Generated<Date>;
  last_used_at: Date | null;
  revoked_at: Date | null;
  /** Given by MUSTER_ADMIN_TOKEN. */
  preset: Generated<boolean>;
}

export interface SessionsTable {
  secret_hash: Buffer;
  api_key_id: string;
  created_at: Generated<Date>;
  expires_at: Date;
}

export interface EnrollmentTokensTable {
  id: string;
  name: string;
  secret_hash: Buffer;
  labels: Json<Record<string, string>>;
  max_uses: number | null;
  expires_at: Date | null;
  created_at: Generated<Date>;
  created_by: string;
  revoked_at: Date | null;
  may_take_over: Defaulted<boolean>;
}

export interface EnrollmentsTable {
  enrollment_token_id: string;
  uid: string;
  enrolled_at: Generated<Date>;
  former: string | null;
}

export interface AuditEventsTable {
  id: string;
  at: Generated<Date>;
  actor: string;
  action: string;
  resource: string;
  detail: Json<Record<string, unknown>>;
}

export interface AgentsTable {
  uid: string;
  name: Defaulted<string>;
  type: Defaulted<string>;
  version: Defaulted<string>;
  os: Defaulted<string>;
  arch: Defaulted<string>;
  hostname: Defaulted<string>;
  attributes: ColumnType<Record<string, string>, string | undefined, string>;
  labels: ColumnType<Record<string, string>, string | undefined, string>;
  matching: GeneratedAlways<Record<string, string>>;
  description: Buffer | null;
  description_order: Order | null;
  enrollment_token_id: string | null;
  enrolled_at: Generated<Date>;
}

export interface AgentStatesTable {
  uid: string;
  epoch: Big;
  sequence_num: Big;
  capabilities: Big;
  capabilities_order: Order | null;
  health: Buffer | null;
  healthy: boolean | null;
  health_order: Order | null;
  effective_config_hash: Buffer | null;
  effective_config_order: Order | null;
  available_components_hash: Buffer | null;
  available_components_order: Order | null;
  package_statuses_hash: Buffer | null;
  package_statuses_order: Order | null;
  custom_capabilities: string[] | null;
  custom_capabilities_order: Order | null;
  connection_settings_status: ColumnType<unknown, string | null | undefined, string | null>;
  connection_settings_status_order: Order | null;
  remote_config_hash: Buffer | null;
  /** RemoteConfigStatuses: 0 unset, 1 applied, 2 applying, 3 failed; other numbers as sent. */
  remote_config_status: number | null;
  remote_config_error: string | null;
  remote_config_status_order: Order | null;
  applied_config_hash: Buffer | null;
  applied_at: Date | null;
  applied_order: Order | null;
  offered_config_hash: Buffer | null;
  offered_at: Date | null;
  offer_error: string | null;
  offered_order: Order | null;
  connected: Defaulted<boolean>;
  connected_at: Date | null;
  disconnected_at: Date | null;
  connection_order: Big | null;
  /** 0 WebSocket, 1 plain HTTP. */
  transport: Defaulted<number>;
  remote_address: Defaulted<string>;
  gateway: Defaulted<string>;
  enrollment_token_id: string | null;
  certificate_identity: Buffer | null;
  peer_order: Order | null;
  last_seen_at: Generated<Date>;
}

/** An agent in no fleet has no row. */
export interface FleetMembersTable {
  uid: string;
  fleet: string;
}

export interface AgentRenamesTable {
  former: string;
  uid: string;
  renamed_at: Generated<Date>;
}

export interface ReportContentsTable {
  hash: Buffer;
  body: Buffer;
  first_seen_at: Generated<Date>;
  touched_at: Generated<Date>;
  named: Generated<boolean>;
  withheld: string | null;
}

export interface EffectiveConfigFindingsTable {
  hash: Buffer;
  findings: Json<{ file: string; line: number; column: number; kind: string }[]>;
  omitted: Generated<number>;
}

export interface EffectiveComparisonsTable {
  rendered_hash: Buffer;
  effective_hash: Buffer;
  differs: boolean;
  detail: Json<string[]>;
  digest: Buffer | null;
  not_compared: string | null;
}

export interface AgentDriftsTable {
  uid: string;
  kind: 'effective' | 'unknown' | 'unconfirmed';
  desired_hash: Buffer | null;
  reported_hash: Buffer | null;
  since: Date;
  detail: Json<string[]>;
  tries: Generated<number>;
  next_at: Date;
  repair: Generated<'pending' | 'forbidden' | 'notRepaired'>;
  reason: Generated<string>;
}

export interface ConfigFailuresTable {
  uid: string;
  hash: Buffer;
  error: string;
  failed_at: Generated<Date>;
  lifted_at: Date | null;
  id: GeneratedAlways<string>;
  lifted_by: string | null;
}

export interface ConfigurationsTable {
  name: string;
  description: Defaulted<string>;
  created_at: Generated<Date>;
  created_by: string;
}

export interface ConfigurationVersionsTable {
  configuration: string;
  version: number;
  parent: number | null;
  body: string;
  files: ColumnType<Record<string, string>, string | undefined, string>;
  overlays: ColumnType<{ selector: string; file: string; body: string }[], string | undefined, string>;
  per_agent: Defaulted<boolean>;
  comment: Defaulted<string>;
  created_at: Generated<Date>;
  created_by: string;
}

export interface RenderedConfigsTable {
  hash: Buffer;
  remote_config: Buffer;
  files: Json<Record<string, string>>;
  created_at: Generated<Date>;
  touched_at: Generated<Date>;
}

export interface RenderedVersionsTable {
  hash: Buffer;
  configuration: string;
  version: number;
}

export interface AgentRenderingsTable {
  uid: string;
  configuration: string;
  version: number;
  inputs: string;
  hash: Buffer | null;
  error: string | null;
}

export interface FleetsTable {
  name: string;
  selector: string;
  tokens: string[] | null;
  priority: Defaulted<number>;
  configuration: string | null;
  version: number | null;
  variables: ColumnType<Record<string, string>, string | undefined, string>;
  stable_variables: ColumnType<Record<string, string>, string | undefined, string>;
  policy: ColumnType<Record<string, unknown>, string | undefined, string>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
}

export interface AgentConfigurationsTable {
  uid: string;
  target_configuration: string | null;
  target_version: number | null;
  target_hash: Buffer | null;
  previous_configuration: string | null;
  previous_version: number | null;
  previous_hash: Buffer | null;
  desired_hash: Buffer | null;
  rollout_id: string | null;
  updated_at: Generated<Date>;
}

export interface UndeliveredOffersTable {
  id: string;
  agents: string[];
  made_at: Generated<Date>;
}

export interface RolloutsTable {
  id: string;
  fleet: string;
  configuration: string;
  version: number;
  variables: ColumnType<Record<string, string>, string | undefined, string>;
  policy: Json<Record<string, unknown>>;
  state: RolloutState;
  wave: Defaulted<number>;
  wave_count: number;
  wave_started_at: Date | null;
  wave_settled_at: Date | null;
  waves_offered: Generated<(Date | null)[]>;
  waves_settled: Generated<(Date | null)[]>;
  accepted: ColumnType<
    {
      wave: number;
      cohort: number;
      failed: number;
      unhealthy: number;
      disconnected: number;
      notConverged: number;
    }[],
    string | undefined,
    string
  >;
  reason: Defaulted<string>;
  created_at: Generated<Date>;
  created_by: string;
  finished_at: Date | null;
  start_at: Date | null;
  catching_up: Defaulted<boolean>;
  halted: Defaulted<boolean>;
  reverted: Defaulted<boolean>;
  offers: ColumnType<{ at: number; count: number }[], string | undefined, string>;
  breaches: ColumnType<
    {
      gate: 'maxFailed' | 'maxNotConverged' | 'maxUnhealthy' | 'maxDisconnected';
      wave: number;
      cohort: number | null;
    }[],
    string | undefined,
    string
  >;
}

export type RolloutState =
  'scheduled' | 'running' | 'paused' | 'completed' | 'rollingBack' | 'rolledBack' | 'aborted' | 'replaced';

/** What is different about an agent; how all of them stand is read from the view `rollout_standings`. */
export interface RolloutAgentsTable {
  rollout_id: string;
  uid: string;
  wave: number;
  hash: Buffer;
  state: Defaulted<RolloutAgentState>;
  offered_at: Date | null;
  settled_at: Date | null;
  error: Defaulted<string>;
  cohort: Defaulted<number>;
  no_answer: boolean | null;
  was_unhealthy: boolean | null;
  inputs: string | null;
  outcome: 'applied' | 'failed' | 'noAnswer' | 'unconfirmed' | null;
  outcome_reason: Defaulted<string>;
}

export type RolloutAgentState =
  | 'waiting'
  | 'offered'
  | 'applied'
  | 'failed'
  | 'deferred'
  | 'quarantined'
  | 'rolledBack'
  | 'stopped'
  | 'unconfirmed';

export interface RolloutCohortsTable {
  rollout_id: string;
  cohort: number;
  type: string | null;
  version: string | null;
  os: string | null;
  arch: string | null;
  size: number;
  state: Defaulted<RolloutCohortState>;
  reason: Defaulted<string>;
}

export type RolloutCohortState = 'running' | 'stopped' | 'rolledBack';

export interface RolloutWavesTable {
  rollout_id: string;
  wave: number;
  cohort: number;
  size: number;
  unhealthy: Defaulted<number>;
  disconnected: Defaulted<number>;
}

export interface RolloutEventsTable {
  id: string;
  rollout_id: string;
  at: Generated<Date>;
  actor: string;
  kind: string;
  detail: Json<Record<string, unknown>>;
}

export interface DatabaseGenerationTable {
  singleton: Generated<boolean>;
  lineage: Generated<string>;
  number: Big;
  held_since: Date | null;
  held_reason: string | null;
}

export interface CohortQuarantinesTable {
  id: string;
  configuration: string;
  version: number;
  type: string;
  agent_version: string;
  os: string;
  arch: string;
  fleet: string;
  rollout_id: string | null;
  reason: string;
  made_at: Date;
  lifted_at: Date | null;
  lifted_by: string | null;
}
