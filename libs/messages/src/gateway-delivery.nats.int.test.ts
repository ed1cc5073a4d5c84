import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startLocalNats, type LocalService } from '@muster/platform/local-services';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectNats } from './connection.nats.ts';
import { gatewayDeliveryContract } from './gateway-delivery.contract.ts';
import { createNatsGatewayDelivery } from './gateway-delivery.nats.ts';

let dataDir: string;
let nats: LocalService;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-nats-'));
  nats = await startLocalNats({ dataDir });
});
afterAll(async () => {
  await nats.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function openDelivery() {
  const link = await connectNats({ url: nats.url, name: 'test' });
  return { link, delivery: createNatsGatewayDelivery(link, { timeoutMs: 200 }), close: () => link.close() };
}

gatewayDeliveryContract(openDelivery);

it('costs one bus message to the gateway that is meant, and none to another', async () => {
  const [sender, gatewayA, gatewayB, observer] = await Promise.all([
    openDelivery(),
    openDelivery(),
    openDelivery(),
    openDelivery(),
  ]);
  const subjects: string[] = [];
  observer.link.connection.subscribe('gateways.>', {
    callback: (_, message) => void subjects.push(message.subject),
  });
  await observer.link.connection.flush();
  let atB = 0;
  const receipt = { notHeld: new Uint8Array(0), refused: [] };
  await gatewayA.delivery.receive('gateway-a', () => receipt);
  await gatewayB.delivery.receive('gateway-b', () => {
    atB += 1;
    return receipt;
  });
  const deliver = (gateway: string) =>
    sender.delivery.deliver(gateway, { kind: 'restart', instanceUids: Buffer.alloc(16 * 1_000, 7) });
  await deliver('gateway-a');
  await deliver('gateway-b');
  await deliver('gateway-a');
  await delay(100);
  expect(subjects).toEqual([
    'gateways.gateway-a.deliver',
    'gateways.gateway-b.deliver',
    'gateways.gateway-a.deliver',
  ]);
  expect(atB).toBe(1);
  expect(gatewayB.link.connection.stats().inMsgs).toBe(1);
  await Promise.all([sender, gatewayA, gatewayB, observer].map((fixture) => fixture.close()));
});
