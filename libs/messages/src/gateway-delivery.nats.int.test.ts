import { setTimeout as delay } from 'node:timers/promises';
import { startLocalNats } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { expect, it } from 'vitest';
import { connectNats } from './connection.nats.ts';
import { gatewayDeliveryContract } from './gateway-delivery.contract.ts';
import { createNatsGatewayDelivery } from './gateway-delivery.nats.ts';

const nats = useTestService(startLocalNats);

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
