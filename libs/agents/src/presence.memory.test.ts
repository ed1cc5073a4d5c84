import { presenceContract } from './presence.contract.ts';
import { createMemoryPresence } from './presence.memory.ts';

presenceContract(async () => {
  let now = 1_790_000_000_000;
  const presence = createMemoryPresence({ now: () => now });
  const passTime = async (ms: number) => {
    now += ms;
  };
  return { presence, passTime, close: () => presence.close() };
});
