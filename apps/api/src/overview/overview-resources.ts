import { setTimeout as delay } from 'node:timers/promises';
import type { AgentOverview } from '@muster/agents/agent';
import type { AgentViews } from '@muster/agents/agent-views.postgres';
import type { AgentConfigurationViews } from '@muster/configs/agent-configuration-views.postgres';
import type { ConfigurationStatus } from '@muster/configs/configuration-status';
import type { ConfigurationService } from '@muster/configs/configuration-service';
import type { DriftKind } from '@muster/configs/drift';
import type { DriftViews } from '@muster/configs/drift-views.postgres';
import type { FleetService } from '@muster/configs/fleet-service';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { DeadLetters } from '@muster/messages/dead-letters';
import { toRolloutResource, type RolloutResource } from '../rollouts/rollout-schemas.ts';

const busPatienceMs = 1_000;

export interface OverviewResource extends AgentOverview {
  configurationStatus: { status: ConfigurationStatus; count: number }[];
  drift: { kind: DriftKind; count: number }[];
  deadLetters: number | null;
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
  readonly #deadLetters: DeadLetters;

  constructor(deps: {
    agents: AgentViews;
    agentConfigurations: AgentConfigurationViews;
    drifts: DriftViews;
    configurations: ConfigurationService;
    fleets: FleetService;
    rollouts: RolloutService;
    deadLetters: DeadLetters;
  }) {
    this.#agents = deps.agents;
    this.#agentConfigurations = deps.agentConfigurations;
    this.#drifts = deps.drifts;
    this.#configurations = deps.configurations;
    this.#fleets = deps.fleets;
    this.#rollouts = deps.rollouts;
    this.#deadLetters = deps.deadLetters;
  }

  /** The bus may be away, and everything else is known all the same. */
  async #deadLetterCount(): Promise<number | null> {
    const late = delay(busPatienceMs, null, { ref: false });
    return Promise.race([this.#deadLetters.count().catch(() => null), late]);
  }

  async find(): Promise<OverviewResource> {
    const [agents, statusCounts, drift, configurations, fleets, active, deadLetters] = await Promise.all([
      this.#agents.overview(),
      this.#agentConfigurations.statusCounts(),
      this.#drifts.counts(),
      this.#configurations.list(),
      this.#fleets.list(),
      this.#rollouts.active(),
      this.#deadLetterCount(),
    ]);
    const statuses = Object.entries(statusCounts) as [ConfigurationStatus, number][];
    return {
      ...agents,
      configurationStatus: statuses.map(([status, count]) => ({ status, count })),
      drift,
      deadLetters,
      fleets: fleets.length,
      configurations: configurations.length,
      activeRollouts: active.map(toRolloutResource),
    };
  }
}
