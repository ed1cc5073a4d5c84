import { afterEach, beforeEach, expect, it } from 'vitest';
import { GatewayRig, settle } from './gateway-rig.setup.ts';

let rig: GatewayRig;
beforeEach(async () => {
  rig = new GatewayRig();
  await rig.open();
});
afterEach(() => rig.close());

/** Leases are renewed, and the hold looked for, every 30 ms. */
const quick = { leaseTtlMs: 90 };
const generation = (number: number) => ({ lineage: 'a', number });

it('remembers the generation of the database for an offer cache that forgets it', async () => {
  await rig.gateway(quick);
  await rig.offerCache.keepGeneration(generation(7));
  await settle();
  // as after a flush, and with a database that was put back
  await rig.offerCache.setHold(generation(3), null);
  await expect.poll(() => rig.offerCache.keepGeneration(null)).toMatchObject({ generation: generation(7) });
});

it('offers nothing while offers are held, and asks every agent once for what it runs', async () => {
  const gateway = await rig.gateway(quick);
  const [here, away, later] = [rig.agent(gateway), rig.agent(gateway), rig.agent(gateway)];
  await Promise.all([here.start(), away.start()]);
  await rig.desire('a: 1', here, away);
  await rig.until(() => here.offers.length === 1 && away.offers.length === 1);
  await away.cut();
  const asked = gateway.metrics.fullStateAsked;

  await rig.offerCache.setHold(generation(9), Date.now());
  await rig.until(() => gateway.metrics.fullStateAsked === asked + 1);
  // the cache has something for them, and gives it to none
  await rig.offerCache.setDesired([]);
  await away.start();
  await later.start();
  await rig.until(() => gateway.metrics.fullStateAsked === asked + 2);
  await settle();
  expect(gateway.metrics.fullStateAsked).toBe(asked + 2);
  expect([here, away, later].map((agent) => agent.offers.length)).toEqual([1, 1, 0]);

  await rig.offerCache.setHold(generation(10), null);
  await rig.desire('a: 2', here, away, later);
  await rig.until(() => [here, away, later].every((agent) => agent.offers.at(-1)?.files[''] === 'a: 2'));
});
