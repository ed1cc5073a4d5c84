import 'reflect-metadata';
import { answerTokenRequests, wireAccess } from '@muster/access/wire';
import type { Presence } from '@muster/agents/presence';
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
  /** Agents that an enrollment token without a limit of its own lets in. */
  maxAgentsPerToken?: number;
  log: Log;
  times?: typeof upkeepDefaults;
}

export const upkeepDefaults = { sweepMs: 2_000, lostAfterMs: 10_000 } satisfies Partial<UpkeepTimes>;

/** Takes reports, answers for enrollment tokens and keeps Presence right. Presence is seeded before it resolves. */
export async function startInventory(deps: InventoryDeps): Promise<Running> {
  const { db, bus, log, times } = deps;
  const { intake, renames, upkeep } = wireReports(deps);
  const { access, audit } = wireAccess({ db, bus, maxAgentsPerToken: deps.maxAgentsPerToken });
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
  const clock = startUpkeep(upkeep, { ...(times ?? upkeepDefaults), httpSilenceMs: deps.httpSilenceMs }, log);
  return {
    async stop() {
      await Promise.all([answers.stop(), heard.stop()]);
      await clock.stop();
      await app.close();
    },
  };
}
