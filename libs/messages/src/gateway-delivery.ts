import type { Subscription } from './event-bus.ts';
import type { Delivery, DeliveryReceipt } from './delivery.ts';

/**
 * Brings an order to the one gateway that holds the agents: one bus message for each (gateway, batch),
 * however many gateways there are. Adapters: `gateway-delivery.nats.ts` (request on
 * `gateways.<id>.deliver`) and `gateway-delivery.memory.ts`.
 */
export interface GatewayDelivery {
  /**
   * Resolves with the gateway's receipt. Rejects with `GatewayUnreachable` when nobody answers within
   * 5 s; the order may then have been carried out all the same, so callers look again before they repeat.
   */
  deliver(gateway: string, delivery: Delivery): Promise<DeliveryReceipt>;

  /** Called by a gateway for itself. */
  receive(
    gateway: string,
    handle: (delivery: Delivery) => Promise<DeliveryReceipt> | DeliveryReceipt,
  ): Promise<Subscription>;
}
