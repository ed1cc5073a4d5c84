import type { AgentId } from '@muster/agents/agent-id';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import type { AgentChange, AgentsChanged } from '@muster/messages/vocabulary';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import { inSpan } from '@muster/platform/telemetry';
import type { RolloutEngine } from '@muster/rollouts/rollout-engine';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { BATCH_QUEUE, ENGINE, EVENT_BUS } from './tokens.ts';

/** What can move a rollout on. */
const telling: readonly AgentChange[] = [
  'connected',
  'disconnected',
  'capabilities',
  'health',
  'configStatus',
  'fleet',
  'deleted',
];

/** Wakes the engine: when the clock says so, and when agents of a rollout have changed. */
@Injectable()
export class RolloutsConsumer implements OnApplicationBootstrap, OnModuleDestroy {
  #subscription: Subscription | undefined;

  private readonly bus: EventBus;
  private readonly queue: BatchQueue;
  private readonly engine: RolloutEngine;

  constructor(
    @Inject(EVENT_BUS) bus: EventBus,
    @Inject(BATCH_QUEUE) queue: BatchQueue,
    @Inject(ENGINE) engine: RolloutEngine,
  ) {
    this.bus = bus;
    this.queue = queue;
    this.engine = engine;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.queue.work((id) =>
      inSpan('rollouts.advance', { 'muster.rollout': id }, () => this.engine.advance(id)),
    );
    this.#subscription = await this.bus.consume('agents.changed', 'rollouts', (facts) =>
      this.engine.onAgentsChanged(changedAgents(facts)),
    );
  }

  async onModuleDestroy(): Promise<void> {
    await this.#subscription?.stop();
  }
}

function changedAgents(facts: readonly AgentsChanged[]): AgentId[] {
  const agents = facts
    .flatMap((fact) => fact.agents)
    .filter((agent) => agent.changes.some((change) => telling.includes(change)))
    .map(({ uid }) => uid as AgentId);
  return [...new Set(agents)];
}
