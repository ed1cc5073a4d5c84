import type { Announcer } from '@muster/configs/announcer';
import { NotRenderable } from '@muster/configs/errors';
import type { RenderedConfigs, RenderedGroup } from '@muster/configs/rendered-configs.postgres';
import type { Tx } from '@muster/db/transaction';
import { sum } from './gates.ts';
import type { RolloutAgentsStore } from './rollout-agents-store.postgres.ts';
import type { CohortCensus, RolloutPlanStore } from './rollout-plan-store.postgres.ts';
import type { RolloutRecord } from './rollout-record.ts';
import type { RolloutStore } from './rollout-store.postgres.ts';
import { waveEnds } from './waves.ts';

/** More are looked at together with the smaller ones: every part of every wave has its own gates. */
export const maxCohorts = 50;

export interface RolloutPlannerDeps {
  readonly store: RolloutStore;
  readonly agents: RolloutAgentsStore;
  readonly plans: RolloutPlanStore;
  readonly rendered: RenderedConfigs;
  readonly announcer: Announcer;
  readonly now: () => number;
}

type Planned = Pick<RolloutRecord, 'id' | 'fleet' | 'configuration' | 'version' | 'policy'>;

/** Makes rollouts begin. The fleet is locked by the caller. */
export class RolloutPlanner {
  readonly #deps: RolloutPlannerDeps;

  constructor(deps: RolloutPlannerDeps) {
    this.#deps = deps;
  }

  /**
   * Ends what is under way in the fleet in favour of a newer rollout: touched agents stay as they are until
   * their turn in that one, nobody is waited for any more. Answers the id of the one replaced.
   */
  async replace(tx: Tx, actor: string, fleet: string, which: 'active' | 'scheduled'): Promise<string | null> {
    const { store, agents, announcer, now } = this.#deps;
    if (which === 'active') await store.endCatchingUp(tx, fleet);
    const id = await store.openOf(tx, fleet, which);
    if (id === null) return null;
    await agents.freeze(tx, id, now());
    const reason = `replaced by a newer rollout of ${actor}`;
    await store.update(tx, id, { state: 'replaced', reason, finishedAt: now() });
    await store.record(tx, id, actor, 'replaced');
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
   * `UnknownConfigurationVersion`, `NotRenderable`.
   */
  async render(tx: Tx, { id, fleet, configuration, version }: Planned): Promise<RenderedGroup[]> {
    const variables = await this.#deps.store.takeVariables(tx, id);
    const named = { name: fleet, variables };
    const groups = await this.#deps.rendered.renderFor(tx, { configuration, version }, named, null);
    refuseUnrendered(groups);
    return groups;
  }

  /**
   * Plans a running rollout of what was rendered. Without agents it completes at once. Agents that lack a
   * component are left out; if nobody is left, it waits for a person.
   */
  async plan(
    tx: Tx,
    actor: string,
    rollout: Planned,
    groups: readonly RenderedGroup[],
    replaced: string | null,
  ): Promise<void> {
    const { store, plans } = this.#deps;
    const { id, configuration, version, policy } = rollout;
    const planned = { ...rollout, hashes: groups };
    const skipped = groups.flatMap(toSkipped);
    const census = await plans.census(tx, planned);
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
      replaced,
    });
    if (ends.length > 0) await plans.plan(tx, planned, cohorts, ends);
    else if (skipped.length > 0) await this.#pauseUnfit(tx, rollout, skipped);
    else await this.#completeEmpty(tx, rollout);
  }

  /** Nothing is made stable that nobody can run. */
  async #pauseUnfit(tx: Tx, { id }: Planned, skipped: readonly Skipped[]): Promise<void> {
    const { store } = this.#deps;
    const reason = `no agent can take it: ${skipped[0]!.reason}`;
    await store.update(tx, id, { state: 'paused', reason });
    await store.record(tx, id, 'system', 'paused', { reason, skipped });
  }

  async #completeEmpty(tx: Tx, { id, fleet }: Planned): Promise<void> {
    const { store, announcer, now } = this.#deps;
    await store.update(tx, id, { state: 'completed', reason: 'the fleet has no agents', finishedAt: now() });
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

function refuseUnrendered(groups: readonly RenderedGroup[]): void {
  const [error] = groups.flatMap((group) => group.error ?? []);
  if (!error) return;
  throw new NotRenderable(
    error,
    groups.filter((group) => group.error).flatMap(({ agents }) => agents ?? []),
  );
}

/** By number; the last one is null, everybody else, where there are too many. */
function toCohorts(census: readonly CohortCensus[]): (CohortCensus | null)[] {
  return census.length <= maxCohorts ? [...census] : [...census.slice(0, maxCohorts - 1), null];
}
