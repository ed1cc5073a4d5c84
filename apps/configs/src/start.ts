import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { wireConfigs, type ConfigsDeps } from '@muster/configs/wire';
import { transact, type Tx } from '@muster/db/transaction';
import type { Running } from '@muster/platform/running';
import { ConfigsModule } from './configs.module.ts';
import { inPortions } from '@muster/platform/portions';
import { UnusedRenderings } from '@muster/configs/unused-renderings.postgres';
import { regularly } from '@muster/platform/regularly';

const deliveryPauseMs = 2_000;
/** Younger offers are still on their way by themselves. */
const deliveryGraceMs = 10_000;
const convergencePauseMs = 100;
const sweepPauseMs = 30_000;
const driftPauseMs = 30_000;
const freePauseMs = 6 * 3_600_000;
const freedAtOnce = 200;
const freeRestMs = 200;
/** Rendered configs stay for so long after nothing refers to them. */
const unusedForMs = 30 * 86_400_000;

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
  const stopping = new AbortController();
  const unused = new UnusedRenderings(db);
  const free = async (): Promise<void> => {
    const before = new Date(Date.now() - unusedForMs);
    const hashes = await unused.find(before);
    const portions = { atOnce: freedAtOnce, restMs: freeRestMs, signal: stopping.signal };
    const freePortion = async (atMost: number): Promise<number> => {
      const portion = hashes.splice(0, atMost);
      if (portion.length > 0) await unused.free(portion, before);
      return portion.length;
    };
    const configs = await inPortions(freePortion, portions);
    if (configs > 0) log.info({ configs }, 'freed rendered configurations that nothing refers to');
  };
  const converge = (): Promise<void> => whileOffering(() => convergence.advance());
  const converging = regularly('convergence', convergencePauseMs, converge, log, () => convergence.isNeeded);
  convergence.onWaiting(() => converging.wake());
  const turns = [
    converging,
    regularly('delivering offers', deliveryPauseMs, deliver, log),
    regularly('the sweep for agents to converge', sweepPauseMs, sweep, log),
    regularly('freeing unused renderings', freePauseMs, free, log),
    regularly('the search for drift', driftPauseMs, () => whileOffering(() => driftReconciler.turn()), log),
  ];
  return {
    async stop() {
      stopping.abort();
      await app.close();
      await Promise.all(turns.map((turn) => turn.stop()));
    },
  };
}
