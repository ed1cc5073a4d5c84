import { UnknownFleet } from '@muster/configs/errors';
import type { FleetService } from '@muster/configs/fleet-service';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import { toFleetResource, type FleetResource } from './fleet-schemas.ts';

/** Fleets as the API shows them: with their agents counted and the rollout under way. */
export class FleetResources {
  readonly #fleets: FleetService;
  readonly #rollouts: RolloutService;

  constructor(fleets: FleetService, rollouts: RolloutService) {
    this.#fleets = fleets;
    this.#rollouts = rollouts;
  }

  /** All fleets by name. */
  async list(): Promise<FleetResource[]> {
    const [fleets, active] = await Promise.all([this.#fleets.list(), this.#rollouts.active()]);
    const rolloutOf = new Map(active.map((rollout) => [rollout.fleet, rollout.id]));
    return fleets.map((fleet) => toFleetResource(fleet, rolloutOf.get(fleet.name) ?? null));
  }

  /** @throws UnknownFleet */
  async find(name: string): Promise<FleetResource> {
    const fleet = await this.#fleets.find(name);
    if (!fleet) throw new UnknownFleet(name);
    const active = await this.#rollouts.activeOf(name);
    return toFleetResource(fleet, active?.id ?? null);
  }
}
