import { agentsText, type RolloutDetail } from './rollout.ts';

/** What a rollout waits for, and until when, if that is known. */
export interface Waits {
  text: string;
  until: string | null;
}

type Waiting = Pick<
  RolloutDetail,
  | 'state'
  | 'policy'
  | 'wave'
  | 'waves'
  | 'counts'
  | 'events'
  | 'startAt'
  | 'waitsUntil'
  | 'catchingUp'
  | 'halted'
>;

/** What keeps a rollout from going on right now; null: nothing, or it has ended. */
export function waitsFor(rollout: Waiting): Waits | null {
  const { state, startAt, waitsUntil, counts, catchingUp, halted } = rollout;
  switch (state) {
    case 'scheduled':
      return { text: 'Its agents are counted and its waves are planned when it starts', until: startAt };
    case 'paused':
      return { text: 'A person decides: resume, abort or roll back.', until: null };
    case 'rollingBack':
      return { text: 'The agents it had reached are taken back to what they had before.', until: null };
    case 'completed': {
      if (!catchingUp) return null;
      if (halted)
        return { text: 'Catching up stopped at a gate. Resume accepts what went wrong.', until: null };
      const away = `${agentsText(counts.deferred ?? 0)} away: offered on return`;
      return waitsUntil === null
        ? { text: `${away}.`, until: null }
        : { text: `${away}; ${heldBack(rollout)}`, until: waitsUntil };
    }
    case 'running':
      return waitsUntil === null ? waitsInWave(rollout) : { text: heldBack(rollout), until: waitsUntil };
    default:
      return null;
  }
}

function heldBack({ policy }: Waiting): string {
  const windows = policy['windows'];
  return Array.isArray(windows) && windows.length > 0
    ? 'The next offers are held back by its maintenance windows or its pace'
    : 'The next offers are held back by its pace';
}

function waitsInWave({ wave, waves, events, policy }: Waiting): Waits | null {
  const current = waves[wave];
  if (!current) return null;
  if (current.state === 'soaking') {
    const settled = events.findLast(({ kind }) => kind === 'waveSettled');
    const soak = Number(policy['soakSeconds'] ?? 0) * 1_000;
    return {
      text: `Wave ${wave + 1} has its answers and is watched before it passes`,
      until: settled ? new Date(Date.parse(settled.at) + soak).toISOString() : null,
    };
  }
  const open = current.counts.offered ?? 0;
  if (open === 0) return null;
  return {
    text: `${agentsText(open)} in wave ${wave + 1} ${open === 1 ? 'has' : 'have'} ${String(policy['applyDeadlineSeconds'])} s to answer.`,
    until: null,
  };
}
