import type { Claimed, Session } from './presence.ts';

/** The session of an agent that was claimed; throws when it was not. */
export function claimed(answer: Claimed | undefined): Session {
  if (answer?.kind !== 'claimed') throw new Error(`not claimed: ${JSON.stringify(answer)}`);
  return answer;
}
