import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { OutdatedAudit } from '@muster/access/outdated-audit.postgres';
import { answerTokenRequests, wireAccess } from '@muster/access/wire';
import type { Presence } from '@muster/agents/presence';
import { LostAgents } from '@muster/agents/lost-agents';
import { wireReports } from '@muster/agents/wire';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { EventBus } from '@muster/messages/event-bus';
import type { Log } from '@muster/platform/log';
import { inPortions } from '@muster/platform/portions';
import { regularly } from '@muster/platform/regularly';
import type { Running } from '@muster/platform/running';
import { observeNumbers } from '@muster/platform/telemetry';
import { NestFactory } from '@nestjs/core';
import type { Kysely } from 'kysely';
import { ContestedAgents } from './contested-agents.ts';
import { InventoryModule } from './inventory.module.ts';
import { Reidentifications } from './reidentifications.ts';
import { ReportProgress, reportsStaleAfterMs } from './report-progress.ts';
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
  /** Days; 0: for ever. See the settings of these names. */
  retention: { forgetAgentsAfterDays: number; keepAuditDays: number };
  /** How old the oldest report may become while none is taken. Default a minute. */
  staleAfterMs?: number;
}

export interface RunningInventory extends Running {
  /** Null: reports are taken. Otherwise one line that tells how old the oldest is that was not. */
  reportsTaken: () => Promise<string | null>;
}

/** `lostPassMs`: between two passes over all agents for those that no gateway holds; `lostGraceMs`: how long one may have none. */
export const upkeepDefaults = {
  sweepMs: 2_000,
  lostAfterMs: 10_000,
  lostPageMs: 1_000,
  lostPassMs: 60_000,
  lostGraceMs: 30_000,
} satisfies Partial<UpkeepTimes> & Record<string, number>;

const lookPauseMs = 5_000;
const freePauseMs = 15 * 60_000;
/** Between two lots of contents that are freed. */
const freeRestMs = 200;
const outdatedPauseMs = 3_600_000;
const outdatedAtOnce = 500;
const dayMs = 86_400_000;

/** Takes reports, answers for enrollment tokens and keeps Presence right. Presence is seeded before it resolves. */
export async function startInventory(deps: InventoryDeps): Promise<RunningInventory> {
  const { db, bus, presence, httpSilenceMs, log, times = upkeepDefaults } = deps;
  const { intake, renames, upkeep, unused, departed, sessions } = wireReports(deps);
  const { access, audit } = wireAccess({ db, bus, maxAgentsPerToken: deps.maxAgentsPerToken });
  await upkeep.seed();
  const app = await NestFactory.createApplicationContext(
    InventoryModule.of({
      bus,
      intake,
      reidentifications: new Reidentifications(db, audit),
      contested: new ContestedAgents(db, audit),
    }),
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
  const progress = new ReportProgress(bus, deps.staleAfterMs ?? reportsStaleAfterMs, Date.now());
  observeNumbers('inventory', progress.numbers, ['oldestReportSeconds']);
  observeNumbers('dead_letters', progress.deadLetters, ['kept']);
  const watching = regularly(
    'looking at the backlog of reports',
    lookPauseMs,
    () => progress.look(Date.now),
    log,
  );
  const stopping = new AbortController();
  const rest = () => sleep(freeRestMs, undefined, { signal: stopping.signal }).catch(() => {});
  const free = async () => {
    const contents = await unused.free(rest, () => stopping.signal.aborted);
    if (contents > 0) log.info({ contents }, 'freed contents that no agent refers to');
  };
  const freeing = regularly('freeing unused contents', freePauseMs, free, log);
  const audits = new OutdatedAudit(db);
  const { forgetAgentsAfterDays, keepAuditDays } = deps.retention;
  const portions = { atOnce: outdatedAtOnce, restMs: freeRestMs, signal: stopping.signal };
  const forget = async () => {
    if (forgetAgentsAfterDays > 0) {
      const before = new Date(Date.now() - forgetAgentsAfterDays * dayMs);
      const agents = await inPortions((atMost) => departed.forget(before, atMost), portions);
      if (agents > 0) {
        log.info({ agents, days: forgetAgentsAfterDays }, 'deleted agents that were disconnected for long');
        const detail = { agents, disconnectedDays: forgetAgentsAfterDays };
        await transact(db, (tx) =>
          audit.record(tx, { actor: 'system', action: 'agents.forget', resource: 'agents', detail }),
        );
      }
      await inPortions((atMost) => departed.forgetTraces(before, atMost), portions);
    }
    if (keepAuditDays > 0) {
      const before = new Date(Date.now() - keepAuditDays * dayMs);
      const events = await inPortions((atMost) => audits.delete(before, atMost), portions);
      if (events > 0) log.info({ events, days: keepAuditDays }, 'deleted old events of the audit log');
    }
  };
  const forgetting = regularly('deleting what is outdated', outdatedPauseMs, forget, log);
  return {
    reportsTaken: async () => progress.problem(Date.now()),
    async stop() {
      stopping.abort();
      await Promise.all([answers.stop(), heard.stop(), watching.stop(), freeing.stop(), forgetting.stop()]);
      await clock.stop();
      await app.close();
    },
  };
}
