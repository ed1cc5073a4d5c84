import type { Kysely } from 'kysely';
import type { Configs } from '@muster/configs/wire';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { Log } from '@muster/platform/log';
import type { BatchQueue } from './batch-queue.ts';
import { BlastRadii } from './blast-radii.postgres.ts';
import { LateAnswers } from './late-answers.ts';
import { RollbackStore } from './rollback-store.postgres.ts';
import { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import { RolloutEngine } from './rollout-engine.ts';
import { RolloutPlanStore } from './rollout-plan-store.postgres.ts';
import { RolloutPlanner } from './rollout-planner.ts';
import { RolloutService } from './rollout-service.ts';
import { RolloutSteps } from './rollout-steps.ts';
import { RolloutStore } from './rollout-store.postgres.ts';
import { RolloutViews } from './rollout-views.postgres.ts';

export interface RolloutsDeps {
  readonly db: Kysely<Database>;
  readonly configs: Pick<Configs, 'announcer' | 'desiredState' | 'holds' | 'quarantines' | 'rendered'>;
  readonly queue: BatchQueue;
  readonly log: Log;
  /** Unix milliseconds; tests have a clock of their own. */
  readonly now?: () => number;
  /** At least 0, below 1; tests have a source of their own. */
  readonly random?: () => number;
}

export type Rollouts = ReturnType<typeof wireRollouts>;

/** Everything the capability offers, on these adapters. */
export function wireRollouts({
  db,
  configs,
  queue,
  log,
  now = Date.now,
  random = Math.random,
}: RolloutsDeps) {
  const { announcer, desiredState, holds, quarantines, rendered } = configs;
  const store = new RolloutStore(db);
  const agents = new RolloutAgentsStore(now());
  const rollbacks = new RollbackStore();
  const views = new RolloutViews(db, now);
  const plans = new RolloutPlanStore();
  const planner = new RolloutPlanner({
    store,
    agents,
    plans,
    rendered,
    desiredState,
    announcer,
    now,
    random,
  });
  const service = {
    holds,
    store,
    agents,
    views,
    planner,
    quarantines,
    desiredState,
    announcer,
    queue,
    log,
    now,
  };
  return {
    rollouts: new RolloutService(service),
    blastRadii: new BlastRadii(db, rendered),
    engine: new RolloutEngine({
      store,
      steps: new RolloutSteps({
        store,
        agents,
        rollbacks,
        lateAnswers: new LateAnswers(store, quarantines, rollbacks),
        planner,
        quarantines,
        rendered,
        desiredState,
        announcer,
      }),
      holds,
      announcer,
      queue,
      transact: (work) => transact(db, work),
      now,
    }),
  };
}
