import { gatewayDeliveryContract } from './gateway-delivery.contract.ts';
import { createMemoryGatewayDelivery } from './gateway-delivery.memory.ts';

gatewayDeliveryContract(async () => ({
  delivery: createMemoryGatewayDelivery({ timeoutMs: 200 }),
  close: async () => {},
}));
