import type { Kysely } from 'kysely';
import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import type { ConfigurationVersion } from '@muster/configs/configuration';
import type { ConfigurationService } from '@muster/configs/configuration-service';
import { UnknownConfiguration } from '@muster/configs/errors';
import type { FleetService } from '@muster/configs/fleet-service';
import type { Database } from '@muster/db/schema';
import { transact, type Tx } from '@muster/db/transaction';
import type { Rollout } from '@muster/rollouts/rollout-view';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { z } from 'zod';
import type { putFleet } from './fleet-schemas.ts';

export type PutFleetInput = z.output<typeof putFleet> & { name: string };

/** What people do to fleets. Each change is in the audit log before it takes effect. */
export class FleetChanges {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #fleets: FleetService;
  readonly #configurations: ConfigurationService;
  readonly #rollouts: RolloutService;

  constructor(deps: {
    db: Kysely<Database>;
    audit: Audit;
    fleets: FleetService;
    configurations: ConfigurationService;
    rollouts: RolloutService;
  }) {
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#fleets = deps.fleets;
    this.#configurations = deps.configurations;
    this.#rollouts = deps.rollouts;
  }

  /**
   * Makes or changes a fleet. Given a configuration while the fleet has no stable version and no rollout
   * under way, it starts the first rollout in the same transaction; `rollout` is that one, or null.
   */
  async put(actor: Actor, input: PutFleetInput): Promise<{ rollout: Rollout | null }> {
    const candidate = input.configuration === undefined ? null : await this.#newest(input.configuration);
    const underWay = candidate && (await this.#rollouts.activeOf(input.name));
    return transact(this.#db, async (tx) => {
      const { name, ...detail } = input;
      await this.#audit.record(tx, { actor, action: 'fleets.put', resource: `fleet/${name}`, detail });
      const { fleet } = await this.#fleets.put(tx, actor, input);
      if (!candidate || underWay || fleet.version !== null) return { rollout: null };
      return { rollout: await this.#startFirst(tx, actor, name, candidate) };
    });
  }

  /** @throws UnknownConfiguration */
  async #newest(configuration: string): Promise<ConfigurationVersion> {
    const found = await this.#configurations.find(configuration);
    if (!found) throw new UnknownConfiguration(configuration);
    return found.latest;
  }

  async #startFirst(tx: Tx, actor: Actor, fleet: string, newest: ConfigurationVersion): Promise<Rollout> {
    const detail = { configuration: newest.name, version: newest.version };
    await this.#audit.record(tx, { actor, action: 'rollouts.start', resource: `fleet/${fleet}`, detail });
    return this.#rollouts.start(tx, actor, { fleet, ...detail });
  }

  async delete(actor: Actor, name: string): Promise<void> {
    await transact(this.#db, async (tx) => {
      await this.#audit.record(tx, { actor, action: 'fleets.delete', resource: `fleet/${name}` });
      await this.#fleets.delete(tx, actor, name);
    });
  }
}
