import type { Announcer } from '@muster/configs/announcer';
import type { DesiredState } from '@muster/configs/desired-state';
import { NotRenderable } from '@muster/configs/errors';
import { notesOf, type RenderedConfigs, type RenderedGroup } from '@muster/configs/rendered-configs.postgres';
import type { Tx } from '@muster/db/transaction';
import { sum } from './gates.ts';
import { maxCohorts, placeAgents, takeCensus, toCohorts } from './placement.ts';
import { PlannedTexts } from './planned-texts.ts';
import type { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import type { RolloutPlanStore } from './rollout-plan-store.postgres.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.postgres.ts';
import { waveEnds } from './waves.ts';

export interface RolloutPlannerDeps {
  readonly store: RolloutStore;
  readonly agents: RolloutAgentsStore;
  readonly plans: RolloutPlanStore;
  readonly rendered: RenderedConfigs;
  readonly desiredState: DesiredState;
  readonly announcer: Announcer;
  readonly now: () => number;
  /** At least 0, below 1. */
  readonly random: () => number;
}

type Planned = Pick<RolloutRecord, 'id' | 'fleet' | 'configuration' | 'version' | 'policy'>;

/** Makes rollouts begin. The fleet is locked by the caller. */
export class RolloutPlanner {
  readonly #deps: RolloutPlannerDeps;

  constructor(deps: RolloutPlannerDeps) {
    this.#deps = deps;
  }

  /**
   * Ends what is under way in the fleet in favour of this newer rollout: touched agents stay as they are until
   * their turn in that one, nobody is waited for any more, and who went away with an offer is offered nothing.
   * Answers the id of the one replaced.
   */
  async replace(
    tx: Tx,
    actor: string,
    { id: by, fleet }: Pick<Planned, 'id' | 'fleet'>,
    which: 'active' | 'scheduled',
  ): Promise<string | null> {
    const { store, agents, desiredState, announcer, now } = this.#deps;
    const caughtUp = which === 'active' ? await store.endCatchingUp(tx, fleet) : [];
    for (const id of caughtUp) await desiredState.withdraw(tx, id, await agents.setAsideAway(tx, id));
    const id = await store.openOf(tx, fleet, which);
    if (id === null) return null;
    await desiredState.withdraw(tx, id, await agents.setAsideAway(tx, id));
    await agents.freeze(tx, id, now());
    const reason = `replaced by a newer rollout of ${actor}`;
    await store.update(tx, id, { state: 'replaced', reason, finishedAt: now() });
    await store.record(tx, id, actor, 'replaced', { by, reason });
    tx.afterCommit(() => announcer.announce('rollouts.changed', { id, fleet }));
    return id;
  }

  /** Throws what is wrong with the version itself, `UnknownConfigurationVersion`, before anything is changed. */
  async assertRenderable(
    tx: Tx,
    { configuration, version }: Pick<Planned, 'configuration' | 'version'>,
  ): Promise<void> {
    await this.#deps.rendered.compiled({ configuration, version }, tx.db);
  }

  /**
   * What the fleet's agents of this moment would get, with the fleet's variables of this moment. Throws
   * `UnknownConfigurationVersion`, `InvalidTemplate`, `NotRenderable`.
   */
  async render(tx: Tx, { id, fleet, configuration, version }: Planned): Promise<RenderedGroup[]> {
    const variables = await this.#deps.store.takeVariables(tx, id);
    const named = { name: fleet, variables };
    const groups = await this.#deps.rendered.renderFor(tx, { configuration, version }, named, null);
    refuseUnfit(groups);
    return groups;
  }

  /**
   * Plans a running rollout of what was rendered. Without agents it completes at once. Agents that lack a
   * component are left out; if nobody is left, or all are in quarantine, it waits for a person.
   */
  async plan(
    tx: Tx,
    actor: string,
    rollout: Planned,
    groups: readonly RenderedGroup[],
    replaced: string | null,
  ): Promise<void> {
    const { store, plans, rendered, random } = this.#deps;
    const { id, configuration, version, policy } = rollout;
    const skipped = groups.flatMap(toSkipped);
    await rendered.note(tx, rollout, groups.filter(({ hash }) => hash === null).flatMap(notesOf));
    const texts = new PlannedTexts(groups);
    const candidates = texts.withText(await plans.candidates(tx, rollout));
    const census = takeCensus(candidates);
    const cohorts = toCohorts(census);
    const agents = sum(census, ({ size }) => size);
    const able = census.filter((cohort) => cohort.able > 0).length;
    const ends = waveEnds(policy.waves, agents, Math.max(1, Math.min(able, maxCohorts)));
    await store.update(tx, id, { waveCount: ends.length });
    await store.record(tx, id, actor, 'started', {
      configuration,
      version,
      policy,
      waves: ends.length,
      agents,
      cohorts: cohorts.length,
      skipped,
      cannotSay: await plans.cannotSay(tx, rollout.fleet),
      replaced,
    });
    if (ends.length > 0) {
      const places = placeAgents(candidates, cohorts, random);
      await plans.insert(tx, id, cohorts, texts.planned(places, ends));
      if (able === 0)
        await this.#pauseUnfit(
          tx,
          rollout,
          `all are in quarantine for it, ${places[0]!.quarantine}`,
          skipped,
        );
    } else if (skipped.length > 0) await this.#pauseUnfit(tx, rollout, skipped[0]!.reason, skipped);
    else await this.#completeEmpty(tx, rollout);
  }

  /** Nothing is made stable that nobody can run. */
  async #pauseUnfit(tx: Tx, { id }: Planned, why: string, skipped: readonly Skipped[]): Promise<void> {
    const { store } = this.#deps;
    const reason = `no agent can take it: ${why}`;
    await store.update(tx, id, { state: 'paused', reason });
    await store.record(tx, id, 'system', 'paused', { reason, skipped });
  }

  async #completeEmpty(tx: Tx, { id, fleet }: Planned): Promise<void> {
    const { store, announcer, now } = this.#deps;
    await store.update(tx, id, {
      state: 'completed',
      reason: 'the fleet has no agents that accept remote configuration',
      finishedAt: now(),
    });
    await store.stabilize(tx, id);
    await store.record(tx, id, 'system', 'completed', { agents: 0 });
    tx.afterCommit(() => announcer.announce('fleets.changed', { name: fleet }));
  }
}

/** Agents that take no part since they said they lack something. */
interface Skipped {
  readonly reason: string;
  readonly agents: number;
}

function toSkipped({ missing, agents }: RenderedGroup): Skipped[] {
  return missing === null || agents === null ? [] : [{ reason: missing, agents: agents.length }];
}

/** The first error, with all whom it concerns. */
function refuseUnfit(groups: readonly RenderedGroup[]): void {
  const error = groups.find((group) => group.error)?.error;
  if (!error) return;
  const alike = groups.filter((group) => group.error?.message === error.message);
  throw new NotRenderable(
    error,
    alike.flatMap(({ agents }) => agents ?? []),
  );
}
