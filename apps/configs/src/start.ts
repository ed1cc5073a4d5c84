import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { wireConfigs, type ConfigsDeps } from '@muster/configs/wire';
import { transact, type Tx } from '@muster/db/transaction';
import type { Running } from '@muster/platform/running';
import { ConfigsModule } from './configs.module.ts';
import { regularly } from '@muster/platform/regularly';

const deliveryPauseMs = 2_000;
/** Younger offers are still on their way by themselves. */
const deliveryGraceMs = 10_000;
const convergencePauseMs = 100;
const sweepPauseMs = 30_000;
const driftPauseMs = 30_000;

/**
 * Places agents into fleets, keeps them on the stable version of their fleet and repairs those that drift;
 * has offers delivered that a process that died left behind, and the offer cache filled.
 */
export async function startConfigs(deps: ConfigsDeps): Promise<Running> {
  const { db, bus, log } = deps;
  const configs = wireConfigs(deps);
  const { convergence, desiredState, driftReconciler, guard, offers } = configs;
  const inTransaction = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => transact(db, work);
  const module = ConfigsModule.of({ bus, transact: inTransaction, configs });
  const fillCache = async (): Promise<void> => {
    await guard.check();
    if (await guard.mayOffer()) await offers.seedOfferCache();
  };
  // Gateways that start after this process find every offer.
  await fillCache();
  const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
  const deliver = async (): Promise<void> => {
    await fillCache();
    if (!guard.held) await offers.deliverUndelivered(deliveryGraceMs);
  };
  const sweep = async (): Promise<void> => {
    if (guard.held) return;
    await inTransaction((tx) => desiredState.fallBackFailed(tx, null));
    await convergence.sweep();
  };
  const whileOffering = async (work: () => Promise<void>): Promise<void> => {
    if (!guard.held) await work();
  };
  const converge = (): Promise<void> => whileOffering(() => convergence.advance());
  const converging = regularly('convergence', convergencePauseMs, converge, log, () => convergence.isNeeded);
  convergence.onWaiting(() => converging.wake());
  const turns = [
    converging,
    regularly('delivering offers', deliveryPauseMs, deliver, log),
    regularly('the sweep for agents to converge', sweepPauseMs, sweep, log),
    regularly('the search for drift', driftPauseMs, () => whileOffering(() => driftReconciler.turn()), log),
  ];
  return {
    async stop() {
      await app.close();
      await Promise.all(turns.map((turn) => turn.stop()));
    },
  };
}
