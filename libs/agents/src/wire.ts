import type { Database } from '@muster/db/schema';
import type { EventBus } from '@muster/messages/event-bus';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Log } from '@muster/platform/log';
import type { Kysely } from 'kysely';
import { AgentCommands } from './agent-commands.ts';
import { AgentRenames } from './agent-renames.postgres.ts';
import { AgentSessions } from './agent-sessions.postgres.ts';
import { AgentStore } from './agent-store.postgres.ts';
import { AgentViews } from './agent-views.postgres.ts';
import { DepartedAgents } from './departed-agents.postgres.ts';
import { PresenceUpkeep } from './presence-upkeep.ts';
import type { Presence } from './presence.ts';
import { ReportIntake } from './report-intake.ts';
import { ReportStore } from './report-store.postgres.ts';
import { UnusedContents } from './unused-contents.postgres.ts';

export interface Agents {
  views: AgentViews;
  store: AgentStore;
  commands: AgentCommands;
}

/** Builds what shows and steers agents. */
export function wireAgents(deps: {
  db: Kysely<Database>;
  presence: Presence;
  bus: EventBus;
  delivery: GatewayDelivery;
  log: Log;
}): Agents {
  const views = new AgentViews(deps.db, deps.presence);
  const commands = new AgentCommands({ views, presence: deps.presence, delivery: deps.delivery });
  return { views, commands, store: new AgentStore(deps.bus, commands, deps.log) };
}

/** Builds what takes reports in and keeps Presence right. */
export function wireReports(deps: {
  db: Kysely<Database>;
  presence: Presence;
  bus: EventBus;
  /** How long an agent on plain HTTP may be silent. */
  httpSilenceMs: number;
  log: Log;
}): {
  intake: ReportIntake;
  renames: AgentRenames;
  upkeep: PresenceUpkeep;
  unused: UnusedContents;
  departed: DepartedAgents;
  sessions: AgentSessions;
} {
  const renames = new AgentRenames(deps.db, deps.presence);
  const intake = new ReportIntake({
    renames,
    store: new ReportStore(deps.db, deps.log),
    bus: deps.bus,
    log: deps.log,
  });
  const { presence, httpSilenceMs } = deps;
  const sessions = new AgentSessions(deps.db);
  const unused = new UnusedContents(deps.db);
  const upkeep = new PresenceUpkeep({ presence, sessions, intake, httpSilenceMs });
  const departed = new DepartedAgents(deps);
  return { intake, renames, unused, departed, upkeep, sessions };
}
