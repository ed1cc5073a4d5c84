import type { AgentOverview } from '@muster/agents/agent';
import type { AgentViews } from '@muster/agents/agent-views.postgres';
import type { AgentConfigurationViews } from '@muster/configs/agent-configuration-views.postgres';
import type { ConfigurationStatus } from '@muster/configs/configuration-status';
import type { ConfigurationService } from '@muster/configs/configuration-service';
import type { DriftKind } from '@muster/configs/drift';
import type { DriftViews } from '@muster/configs/drift-views.postgres';
import type { FleetService } from '@muster/configs/fleet-service';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import { toRolloutResource, type RolloutResource } from '../rollouts/rollout-schemas.ts';

export interface OverviewResource extends AgentOverview {
  configurationStatus: { status: ConfigurationStatus; count: number }[];
  drift: { kind: DriftKind; count: number }[];
  fleets: number;
  configurations: number;
  activeRollouts: RolloutResource[];
}

/** Everything at one glance. */
export class OverviewResources {
  readonly #agents: AgentViews;
  readonly #agentConfigurations: AgentConfigurationViews;
  readonly #drifts: DriftViews;
  readonly #configurations: ConfigurationService;
  readonly #fleets: FleetService;
  readonly #rollouts: RolloutService;

  constructor(deps: {
    agents: AgentViews;
    agentConfigurations: AgentConfigurationViews;
    drifts: DriftViews;
    configurations: ConfigurationService;
    fleets: FleetService;
    rollouts: RolloutService;
  }) {
    this.#agents = deps.agents;
    this.#agentConfigurations = deps.agentConfigurations;
    this.#drifts = deps.drifts;
    this.#configurations = deps.configurations;
    this.#fleets = deps.fleets;
    this.#rollouts = deps.rollouts;
  }

  async find(): Promise<OverviewResource> {
    const [agents, statusCounts, drift, configurations, fleets, active] = await Promise.all([
      this.#agents.overview(),
      this.#agentConfigurations.statusCounts(),
      this.#drifts.counts(),
      this.#configurations.list(),
      this.#fleets.list(),
      this.#rollouts.active(),
    ]);
    const statuses = Object.entries(statusCounts) as [ConfigurationStatus, number][];
    return {
      ...agents,
      configurationStatus: statuses.map(([status, count]) => ({ status, count })),
      drift,
      fleets: fleets.length,
      configurations: configurations.length,
      activeRollouts: active.map(toRolloutResource),
    };
  }
}
