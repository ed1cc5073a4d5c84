import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { wireConfigs, type ConfigsDeps } from '@muster/configs/wire';
import type { Running } from '@muster/platform/running';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import { wireRollouts } from '@muster/rollouts/wire';
import { inPortions } from '@muster/platform/portions';
import { regularly } from '@muster/platform/regularly';
import { FinishedRollouts } from '@muster/rollouts/finished-rollouts.postgres';
import { RolloutsModule } from './rollouts.module.ts';

/** The clock may forget (it is wiped, or could not be reached): rollouts stand still no longer than this. */
const reseedPauseMs = 30_000;
const outdatedPauseMs = 3_600_000;
/** Between two portions of rows. */
const outdatedRestMs = 200;
const outdatedAtOnce = 1_000;
const dayMs = 86_400_000;

export interface RolloutsAppDeps extends ConfigsDeps {
  readonly queue: BatchQueue;
  /** Days that finished rollouts are kept; 0: for ever. */
  readonly keepRolloutsDays: number;
}

/** Carries rollouts on: everything they need is in Postgres, so any number of these processes may run. */
export async function startRollouts(deps: RolloutsAppDeps): Promise<Running> {
  const { bus, queue, keepRolloutsDays, log } = deps;
  const { engine } = wireRollouts({ ...deps, configs: wireConfigs(deps) });
  const module = RolloutsModule.of({ bus, queue, engine });
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  const reseeding = regularly('reseeding the clock of rollouts', reseedPauseMs, () => engine.reseed(), log);
  const stopping = new AbortController();
  const finished = new FinishedRollouts(deps.db);
  const portions = { atOnce: outdatedAtOnce, restMs: outdatedRestMs, signal: stopping.signal };
  const forget = async (): Promise<void> => {
    if (keepRolloutsDays === 0) return;
    const before = new Date(Date.now() - keepRolloutsDays * dayMs);
    await inPortions((atMost) => finished.delete(before, atMost), portions);
    await inPortions((atMost) => finished.deleteLifted(before, atMost), portions);
  };
  const forgetting = regularly('deleting old rollouts', outdatedPauseMs, forget, log);
  return {
    async stop() {
      stopping.abort();
      await Promise.all([reseeding.stop(), forgetting.stop()]);
      await app.close();
    },
  };
}
