import type { Database } from '@muster/db/schema';
import type { EventBus } from '@muster/messages/event-bus';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Kysely } from 'kysely';
import { AgentCommands } from './agent-commands.ts';
import { AgentStore } from './agent-store.postgres.ts';
import { AgentViews } from './agent-views.postgres.ts';
import type { Presence } from './presence.ts';

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
}): Agents {
  const views = new AgentViews(deps.db, deps.presence);
  const commands = new AgentCommands({ views, presence: deps.presence, delivery: deps.delivery });
  return { views, commands, store: new AgentStore(deps.bus, commands) };
}
