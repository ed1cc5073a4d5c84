import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { wireConfigs, type ConfigsDeps } from '@muster/configs/wire';
import type { Running } from '@muster/platform/running';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import { wireRollouts } from '@muster/rollouts/wire';
import { regularly } from '@muster/platform/regularly';
import { RolloutsModule } from './rollouts.module.ts';

/** The clock may forget (it is wiped, or could not be reached): rollouts stand still no longer than this. */
const reseedPauseMs = 30_000;

export interface RolloutsAppDeps extends ConfigsDeps {
  readonly queue: BatchQueue;
}

/** Carries rollouts on: everything they need is in Postgres, so any number of these processes may run. */
export async function startRollouts(deps: RolloutsAppDeps): Promise<Running> {
  const { bus, queue, log } = deps;
  const { engine } = wireRollouts({ ...deps, configs: wireConfigs(deps) });
  const module = RolloutsModule.of({ bus, queue, engine });
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  const reseeding = regularly('reseeding the clock of rollouts', reseedPauseMs, () => engine.reseed(), log);
  return {
    async stop() {
      await reseeding.stop();
      await app.close();
    },
  };
}
