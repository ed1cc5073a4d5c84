import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, DeliveryReceipt } from './delivery.ts';
import { GatewayUnreachable, RequestFailed } from './errors.ts';
import { plain } from './event-bus.contract.ts';
import type { GatewayDelivery } from './gateway-delivery.ts';

export interface DeliveryFixture {
  delivery: GatewayDelivery;
  close(): Promise<void>;
}

const uids = (...agents: number[]) => Buffer.concat(agents.map((agent) => Buffer.alloc(16, agent)));
const nothing: DeliveryReceipt = { notHeld: new Uint8Array(0), refused: [] };
const restart: Delivery = { kind: 'restart', instanceUids: uids(1) };

/** What every GatewayDelivery promises. Adapters are to wait 200 ms for an answer. */
export function gatewayDeliveryContract(open: () => Promise<DeliveryFixture>): void {
  describe('GatewayDelivery', () => {
    let fixture: DeliveryFixture;
    let delivery: GatewayDelivery;

    beforeEach(async () => {
      fixture = await open();
      delivery = fixture.delivery;
    });
    afterEach(() => fixture.close());

    it('brings each kind of order to its gateway once and the receipt back', async () => {
      const orders: Delivery[] = [
        {
          kind: 'desiredConfig',
          configHash: Buffer.alloc(32, 9),
          remoteConfig: Buffer.from('config'),
          instanceUids: uids(1, 2),
        },
        { kind: 'desiredConfig', configHash: uids(), remoteConfig: uids(), instanceUids: uids(3) },
        restart,
        { kind: 'disconnect', instanceUids: uids(1), reason: 'deleted' },
        {
          kind: 'yield',
          instanceUid: uids(1),
          sequenceNum: 7,
          enrollmentTokenId: '',
          transport: 'websocket',
          resumes: false,
          remoteAddress: '192.0.2.7',
        },
      ];
      const taken: Delivery[] = [];
      const receipt = { notHeld: uids(1), refused: [{ instanceUid: uids(2), reason: 'cannot restart' }] };
      await delivery.receive('gateway-a', (order) => {
        taken.push(order);
        return receipt;
      });
      for (const order of orders)
        expect(plain(await delivery.deliver('gateway-a', order))).toEqual(plain(receipt));
      expect(plain(taken)).toEqual(plain(orders));
    });

    it('brings nothing to other gateways', async () => {
      const taken: string[] = [];
      for (const gateway of ['gateway-a', 'gateway-b', 'gateway-c']) {
        await delivery.receive(gateway, async () => {
          taken.push(gateway);
          return nothing;
        });
      }
      await delivery.deliver('gateway-b', restart);
      expect(taken).toEqual(['gateway-b']);
    });

    it('says when no gateway of that name is there', async () => {
      await expect(delivery.deliver('gateway-a', restart)).rejects.toThrow(GatewayUnreachable);
      const receiving = await delivery.receive('gateway-a', () => nothing);
      await delivery.deliver('gateway-a', restart);
      await receiving.stop();
      await expect(delivery.deliver('gateway-a', restart)).rejects.toThrow(GatewayUnreachable);
    });

    it('says when the gateway is too slow', async () => {
      await delivery.receive('gateway-a', () => new Promise(() => {}));
      await expect(delivery.deliver('gateway-a', restart)).rejects.toThrow(GatewayUnreachable);
      await expect(delivery.deliver('gateway-a', restart)).rejects.toMatchObject({ isGone: false });
      await expect(delivery.deliver('gateway-z', restart)).rejects.toMatchObject({ isGone: true });
    });

    it('says when the gateway failed', async () => {
      await delivery.receive('gateway-a', () => Promise.reject(new Error('out of order')));
      const delivered = delivery.deliver('gateway-a', restart);
      await expect(delivered).rejects.toThrow(RequestFailed);
      await expect(delivered).rejects.toThrow('out of order');
    });
  });
}
