import { setTimeout as delay } from 'node:timers/promises';
import { RequestError } from '@nats-io/transport-node';
import type { NatsLink } from './connection.nats.ts';
import {
  decodeDelivery,
  decodeDeliveryReceipt,
  encodeDelivery,
  encodeDeliveryReceipt,
} from './delivery.codec.ts';
import type { Delivery, DeliveryReceipt } from './delivery.ts';
import { GatewayUnreachable } from './errors.ts';
import type { Subscription } from './event-bus.ts';
import type { GatewayDelivery } from './gateway-delivery.ts';
import { payloadOf, reply, unsubscribe } from './replies.nats.ts';

/** Deliveries of a cluster: one core NATS request each on `gateways.<id>.deliver`. The link stays the caller's. */
export function createNatsGatewayDelivery(
  link: NatsLink,
  options: { timeoutMs?: number } = {},
): GatewayDelivery {
  return new NatsGatewayDelivery(link, options.timeoutMs ?? 5_000);
}

class NatsGatewayDelivery implements GatewayDelivery {
  private readonly link: NatsLink;
  private readonly timeoutMs: number;

  constructor(link: NatsLink, timeoutMs: number) {
    this.link = link;
    this.timeoutMs = timeoutMs;
  }

  async deliver(gateway: string, delivery: Delivery): Promise<DeliveryReceipt> {
    const subject = subjectOf(gateway);
    const payload = encodeDelivery(delivery);
    this.link.assertFits(subject, payload);
    return decodeDeliveryReceipt(payloadOf(await this.ask(gateway, subject, payload)));
  }

  async receive(
    gateway: string,
    handle: (delivery: Delivery) => Promise<DeliveryReceipt> | DeliveryReceipt,
  ): Promise<Subscription> {
    const subject = subjectOf(gateway);
    const running = new Set<Promise<void>>();
    const subscription = this.link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return this.link.log.error({ err: error, subject }, 'a subscription failed');
        const handling = reply(message, async () =>
          encodeDeliveryReceipt(await handle(decodeDelivery(message.data))),
        );
        running.add(handling);
        void handling.finally(() => running.delete(handling));
      },
    });
    await this.link.flush();
    return {
      stop: async () => {
        await unsubscribe(subscription);
        // Those that hang are not waited for: their askers have given up.
        await Promise.race([Promise.all(running), delay(this.timeoutMs, undefined, { ref: false })]);
      },
    };
  }

  private async ask(gateway: string, subject: string, payload: Uint8Array) {
    try {
      return await this.link.connection.request(subject, payload, { timeout: this.timeoutMs });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      const isGone = error instanceof RequestError && error.isNoResponders();
      throw new GatewayUnreachable(`gateway ${gateway} does not answer: ${cause}`, { cause: error, isGone });
    }
  }
}

function subjectOf(gateway: string): string {
  if (!/^[\w-]+$/.test(gateway))
    throw new Error(`a gateway cannot be called "${gateway}": letters, digits, - and _ only`);
  return `gateways.${gateway}.deliver`;
}
