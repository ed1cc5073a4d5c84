import type { Standing } from './rollout.ts';

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

  constructor(action: string, standing: Standing) {
    const stands = standing in whileCatchingUp ? whileCatchingUp[standing] : standing;
    const instead =
      action === 'roll back' && standing !== stands ? ': roll out the version that was stable before' : '';
    super(`cannot ${action} a rollout that is ${stands}${instead}`);
  }
}

const whileCatchingUp: Partial<Record<Standing, string>> = {
  catchingUp: 'completed and catching up',
  halted: 'completed and paused while catching up',
};
