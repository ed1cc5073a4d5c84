import { createRedisPresence } from '@muster/agents/presence.redis';
import { startLocalRedis } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { identityContract } from './identity.contract.ts';

const server = useTestService(startLocalRedis);

identityContract(async () => createRedisPresence({ url: server.url }));
