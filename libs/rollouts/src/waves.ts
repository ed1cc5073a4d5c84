import { amountOf } from '@muster/configs/policy-members';

/**
 * Where each wave ends when `agents` agents stand in a row: ["1", "10%", "100%"] over 30 agents is
 * [1, 3, 30]. Shares are rounded up, the last wave holds everybody, waves that would add nobody are left
 * out. No agents: no waves. `least`: the first wave holds so many at least.
 */
export function waveEnds(waves: readonly string[], agents: number, least = 1): number[] {
  const ends: number[] = [];
  for (const wave of [...waves, '100%']) {
    const end = Math.min(agents, Math.max(least, Math.ceil(amountOf(wave, agents))));
    if (end > (ends.at(-1) ?? 0)) ends.push(end);
  }
  return ends;
}
