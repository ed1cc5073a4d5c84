import 'reflect-metadata';
import { answerTokenRequests, wireAccess } from '@muster/access/wire';
import type { Presence } from '@muster/agents/presence';
import { LostAgents } from '@muster/agents/lost-agents';
import { wireReports } from '@muster/agents/wire';
import type { Database } from '@muster/db/schema';
import type { EventBus } from '@muster/messages/event-bus';
import type { Log } from '@muster/platform/log';
import type { Running } from '@muster/platform/running';
import { NestFactory } from '@nestjs/core';
import type { Kysely } from 'kysely';
import { InventoryModule } from './inventory.module.ts';
import { Reidentifications } from './reidentifications.ts';
import { startUpkeep, type UpkeepTimes } from './upkeep-clock.ts';

export interface InventoryDeps {
  db: Kysely<Database>;
  bus: EventBus;
  presence: Presence;
  /** Milliseconds an agent on plain HTTP may be silent, as gateways have it. */
  httpSilenceMs: number;
  log: Log;
  times?: typeof upkeepDefaults;
}

/** `lostPassMs`: between two passes over all agents for those that no gateway holds; `lostGraceMs`: how long one may have none. */
export const upkeepDefaults = {
  sweepMs: 2_000,
  lostAfterMs: 10_000,
  lostPageMs: 1_000,
  lostPassMs: 60_000,
  lostGraceMs: 30_000,
} satisfies Partial<UpkeepTimes> & Record<string, number>;

/** Takes reports, answers for enrollment tokens and keeps Presence right. Presence is seeded before it resolves. */
export async function startInventory(deps: InventoryDeps): Promise<Running> {
  const { db, bus, presence, httpSilenceMs, log, times = upkeepDefaults } = deps;
  const { intake, renames, upkeep, sessions } = wireReports(deps);
  const { access, audit } = wireAccess({ db, bus });
  await upkeep.seed();
  const app = await NestFactory.createApplicationContext(
    InventoryModule.of({ bus, intake, reidentifications: new Reidentifications(db, audit) }),
    {
      logger: false,
      abortOnError: false,
    },
  );
  const answers = await answerTokenRequests(bus, access);
  const heard = await bus.listen('agents.reidentified', () => renames.expect());
  const { lostPassMs: passEveryMs, lostGraceMs } = times;
  const graceMs = { websocket: lostGraceMs, http: lostGraceMs + httpSilenceMs };
  const lostAgents = new LostAgents({ presence, sessions, intake, passEveryMs, graceMs }, Date.now());
  const clock = startUpkeep(upkeep, lostAgents, { ...times, httpSilenceMs }, log);
  return {
    async stop() {
      await Promise.all([answers.stop(), heard.stop()]);
      await clock.stop();
      await app.close();
    },
  };
}
