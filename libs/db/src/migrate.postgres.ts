import type { Log } from '@muster/platform/log';
import { startProbes } from '@muster/platform/probes';
import type { Running } from '@muster/platform/running';
import type { Kysely } from 'kysely';
import * as access from './migrations/20261121t1400_access.ts';
import * as agents from './migrations/20261121t1401_agents.ts';
import * as configs from './migrations/20261121t1402_configs.ts';
import * as rollouts from './migrations/20261121t1403_rollouts.ts';
import * as renames from './migrations/20261121t1801_renames.ts';
import * as oneRowATarget from './migrations/20261121t1802_one_row_a_target.ts';
import * as compactOrders from './migrations/20261121t1803_compact_orders.ts';
import * as rolloutStandings from './migrations/20261121t1859_rollout_standings.ts';
import * as fleetIndex from './migrations/20261121t1920_fleet_index.ts';
import * as templates from './migrations/20261122t0030_templates.ts';
import * as cohorts from './migrations/20261122t0100_cohorts.ts';
import * as findings from './migrations/20261122t0200_findings.ts';
import * as fleetMembers from './migrations/20261128t1100_fleet_members.ts';
import * as fairGates from './migrations/20261128t1200_fair_gates.ts';
import * as quarantineByConvergence from './migrations/20261128t1210_quarantine_by_convergence.ts';
import * as comparisonDigests from './migrations/20261128t1211_comparison_digests.ts';
import * as fleetTokens from './migrations/20261130t2020_fleet_tokens.ts';
import * as databaseGeneration from './migrations/20261130t2040_database_generation.ts';
import * as owners from './migrations/20261130t2010_owners.ts';
import * as unusedContents from './migrations/20261130t2000_unused_contents.ts';
import * as withheldContents from './migrations/20261130t2005_withheld_contents.ts';
import * as presetKeys from './migrations/20261130t2060_preset_keys.ts';
import * as rolloutOutcomes from './migrations/20261130t2080_rollout_outcomes.ts';
import * as retention from './migrations/20261201t0500_retention.ts';
import type { SchemaMigration } from './migration.ts';
import { SchemaMigrations } from './schema-migrations.postgres.ts';
import type { Database } from './schema.ts';

// Imported one by one: a bundled process has no folder to look into.
export const migrations: Readonly<Record<string, SchemaMigration>> = {
  '20261121t1400_access': access,
  '20261121t1401_agents': agents,
  '20261121t1402_configs': configs,
  '20261121t1403_rollouts': rollouts,
  '20261121t1801_renames': renames,
  '20261121t1802_one_row_a_target': oneRowATarget,
  '20261121t1803_compact_orders': compactOrders,
  '20261121t1859_rollout_standings': rolloutStandings,
  '20261121t1920_fleet_index': fleetIndex,
  '20261122t0030_templates': templates,
  '20261122t0100_cohorts': cohorts,
  '20261122t0200_findings': findings,
  '20261128t1100_fleet_members': fleetMembers,
  '20261128t1200_fair_gates': fairGates,
  '20261128t1210_quarantine_by_convergence': quarantineByConvergence,
  '20261128t1211_comparison_digests': comparisonDigests,
  '20261130t2020_fleet_tokens': fleetTokens,
  '20261130t2040_database_generation': databaseGeneration,
  '20261130t2010_owners': owners,
  '20261130t2000_unused_contents': unusedContents,
  '20261130t2005_withheld_contents': withheldContents,
  '20261130t2060_preset_keys': presetKeys,
  '20261130t2080_rollout_outcomes': rolloutOutcomes,
  '20261201t0500_retention': retention,
};

const schema = new SchemaMigrations(migrations);

/**
 * Brings the database to the schema of this release. Any number of processes may call it at once: one works, the others
 * wait for it and find nothing left to do. Migrations of a newer release are left as they are. Answers the names of those done.
 *
 * @throws SchemaUnusable when the database is of a newer release that this one cannot run with, or when a lock that a
 * migration needs stays taken.
 */
export async function migrateToLatest(db: Kysely<Database>, log?: Log): Promise<string[]> {
  return schema.migrate(db, log);
}

/**
 * Resolves once the database has the schema of this release, or a newer one that it can run with; looks every second.
 * Until then `/healthz` and `/readyz` are answered on the process's own port: it lives, and is not ready.
 *
 * @throws SchemaUnusable as `migrateToLatest`, CannotListen, and the signal's reason when it is aborted.
 */
export async function awaitSchema(
  db: Kysely<Database>,
  { host, port, signal, log }: { host: string; port: number; signal: AbortSignal; log: Log },
): Promise<void> {
  let probes: Running | undefined;
  try {
    await schema.wait(db, log, signal, async (reason) => {
      probes = await startProbes(host, port, [{ name: 'schema', check: async () => reason }]);
    });
  } finally {
    await probes?.stop();
  }
}
