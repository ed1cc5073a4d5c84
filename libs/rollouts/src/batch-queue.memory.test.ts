import { batchQueueContract } from './batch-queue.contract.ts';
import { createMemoryBatchQueue } from './batch-queue.memory.ts';

batchQueueContract(async () => {
  const queue = createMemoryBatchQueue({ retryPauseMs: 50 });
  return { join: async () => queue, close: () => queue.close() };
});
