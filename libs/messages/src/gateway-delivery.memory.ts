import type { Delivery, DeliveryReceipt } from './delivery.ts';
import { GatewayUnreachable, RequestFailed } from './errors.ts';
import type { Subscription } from './event-bus.ts';
import type { GatewayDelivery } from './gateway-delivery.ts';

type Handle = (delivery: Delivery) => Promise<DeliveryReceipt> | DeliveryReceipt;

/** Delivery inside one process. A gateway that receives again takes the place of its earlier self. */
export function createMemoryGatewayDelivery(options: { timeoutMs?: number } = {}): GatewayDelivery {
  return new MemoryGatewayDelivery(options.timeoutMs ?? 5_000);
}

class MemoryGatewayDelivery implements GatewayDelivery {
  private readonly gateways = new Map<string, Handle>();

  private readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  async deliver(gateway: string, delivery: Delivery): Promise<DeliveryReceipt> {
    const handle = this.gateways.get(gateway);
    if (!handle) throw new GatewayUnreachable(`gateway ${gateway} does not answer`, { isGone: true });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new GatewayUnreachable(`gateway ${gateway} did not answer in ${this.timeoutMs} ms`);
      timer = setTimeout(() => reject(error), this.timeoutMs);
    });
    try {
      return await Promise.race([carryOut(handle, delivery), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async receive(gateway: string, handle: Handle): Promise<Subscription> {
    this.gateways.set(gateway, handle);
    return {
      stop: async () => {
        if (this.gateways.get(gateway) === handle) this.gateways.delete(gateway);
      },
    };
  }
}

async function carryOut(handle: Handle, delivery: Delivery): Promise<DeliveryReceipt> {
  try {
    return await handle(delivery);
  } catch (error) {
    throw new RequestFailed(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
