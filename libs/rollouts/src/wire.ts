import type { Kysely } from 'kysely';
import type { Configs } from '@muster/configs/wire';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { Log } from '@muster/platform/log';
import type { BatchQueue } from './batch-queue.ts';
import { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import { RolloutEngine } from './rollout-engine.ts';
import { RolloutService } from './rollout-service.ts';
import { RolloutStore } from './rollout-store.postgres.ts';
import { RolloutViews } from './rollout-views.postgres.ts';

export interface RolloutsDeps {
  readonly db: Kysely<Database>;
  readonly configs: Pick<Configs, 'announcer' | 'desiredState' | 'rendered'>;
  readonly queue: BatchQueue;
  readonly log: Log;
  /** Unix milliseconds; tests have a clock of their own. */
  readonly now?: () => number;
}

export type Rollouts = ReturnType<typeof wireRollouts>;

/** Everything the capability offers, on these adapters. */
export function wireRollouts({ db, configs, queue, log, now = Date.now }: RolloutsDeps) {
  const { announcer, desiredState, rendered } = configs;
  const store = new RolloutStore(db);
  const agents = new RolloutAgentsStore();
  const views = new RolloutViews(db);
  return {
    rollouts: new RolloutService({ store, agents, views, rendered, announcer, queue, log, now }),
    engine: new RolloutEngine({
      store,
      agents,
      desiredState,
      announcer,
      queue,
      transact: (work) => transact(db, work),
      now,
    }),
  };
}
