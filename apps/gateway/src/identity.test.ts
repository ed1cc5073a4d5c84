import { createMemoryPresence } from '@muster/agents/presence.memory';
import { identityContract } from './identity.contract.ts';

identityContract(async () => createMemoryPresence());
