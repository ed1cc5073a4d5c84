import type { AgentId } from '@muster/agents/agent-id';
import { inputsAt, type RenderedGroup } from '@muster/configs/rendered-configs.postgres';
import type { Candidates, Place } from './placement.ts';
import type { PlannedAgent } from './rollout-plan-store.postgres.ts';

/** Which bytes each agent gets. */
export class PlannedTexts {
  readonly #groups: readonly RenderedGroup[];
  /** Agents of groups that name theirs: the number of the group, and their place in it. */
  readonly #own = new Map<AgentId, readonly [group: number, place: number]>();
  /** Of everybody else. */
  readonly #rest: string | null;

  constructor(groups: readonly RenderedGroup[]) {
    this.#groups = groups;
    this.#rest = groups.find(({ agents }) => agents === null)?.hash ?? null;
    for (const [number, { agents }] of groups.entries())
      for (const [place, agent] of (agents ?? []).entries()) this.#own.set(agent, [number, place]);
  }

  /** Those of the candidates that get any. */
  withText(candidates: readonly Candidates[]): Candidates[] {
    if (this.#own.size === 0) return [...candidates];
    return candidates
      .map((alike) => ({
        ...alike,
        agents: alike.agents.filter((agent) => this.#hashOf(agent) !== null),
      }))
      .filter(({ agents }) => agents.length > 0);
  }

  /** @param ends where in the row each wave ends */
  planned(places: readonly Place[], ends: readonly number[]): PlannedAgent[] {
    let wave = 0;
    return places.map(({ agent, cohort, quarantine, unhealthy }, index) => {
      while (index >= ends[wave]!) wave++;
      const hash = this.#hashOf(agent)!;
      return { agent, wave, cohort, quarantine, unhealthy, hash, inputs: this.#inputsOf(agent) };
    });
  }

  #hashOf(agent: AgentId): string | null {
    const own = this.#own.get(agent);
    return own === undefined ? this.#rest : this.#groups[own[0]]!.hash;
  }

  #inputsOf(agent: AgentId): Uint8Array | null {
    const own = this.#own.get(agent);
    const inputs = own && this.#groups[own[0]]!.inputs;
    return inputs ? inputsAt(inputs, own[1]) : null;
  }
}
