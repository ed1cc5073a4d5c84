import { MemoryDeadLetters } from '@muster/messages/dead-letters.memory';
import { batchQueueContract } from './batch-queue.contract.ts';
import { createMemoryBatchQueue } from './batch-queue.memory.ts';

batchQueueContract(async () => {
  const deadLetters = new MemoryDeadLetters();
  const queue = createMemoryBatchQueue({ retryPauseMs: 50, patienceMs: 500, deadLetters });
  return { join: async () => queue, deadLetters, close: () => queue.close() };
});
