import type { RolloutState } from './rollout.ts';

/** No rollout with this id. */
export class UnknownRollout extends Error {
  readonly code = 'unknown-rollout';
  readonly field = 'id';

  constructor(id: string) {
    super(`no rollout has the id ${id}`);
  }
}

/** The rollout is in a state that does not allow this. */
export class RolloutStateConflict extends Error {
  readonly code = 'rollout-state-conflict';

  constructor(action: string, state: RolloutState) {
    super(`cannot ${action} a rollout that is ${state}`);
  }
}
