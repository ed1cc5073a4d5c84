import type { AgentId } from '@muster/agents/agent-id';
import type { Convergence } from '@muster/configs/convergence';
import type { DesiredState } from '@muster/configs/desired-state';
import type { FleetMembership } from '@muster/configs/fleet-membership';
import type { Tx } from '@muster/db/transaction';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import type { AgentChange, AgentsChanged } from '@muster/messages/vocabulary';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { CONVERGENCE, DESIRED_STATE, EVENT_BUS, MEMBERSHIP, TRANSACT } from './tokens.ts';

const changesPlace: readonly AgentChange[] = ['enrolled', 'description'];
const changesTarget: readonly AgentChange[] = [
  'enrolled',
  'description',
  'connected',
  'capabilities',
  'fleet',
];

/** Hears what changed on agents: places them, keeps them on their stable version, takes failed offers back. */
@Injectable()
export class AgentsConsumer implements OnApplicationBootstrap, OnModuleDestroy {
  #subscription: Subscription | undefined;

  private readonly bus: EventBus;
  private readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  private readonly membership: FleetMembership;
  private readonly desiredState: DesiredState;
  private readonly convergence: Convergence;

  constructor(
    @Inject(EVENT_BUS) bus: EventBus,
    @Inject(TRANSACT) transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>,
    @Inject(MEMBERSHIP) membership: FleetMembership,
    @Inject(DESIRED_STATE) desiredState: DesiredState,
    @Inject(CONVERGENCE) convergence: Convergence,
  ) {
    this.bus = bus;
    this.transact = transact;
    this.membership = membership;
    this.desiredState = desiredState;
    this.convergence = convergence;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.#subscription = await this.bus.consume('agents.changed', 'configs', (facts) => this.handle(facts));
  }

  async onModuleDestroy(): Promise<void> {
    await this.#subscription?.stop();
  }

  private async handle(facts: AgentsChanged[]): Promise<void> {
    const placed = agentsWith(facts, changesPlace);
    if (placed.length > 0) await this.transact((tx) => this.membership.place(tx, placed));
    const known = new Set(placed);
    const connected = agentsWith(facts, ['connected']).filter((agent) => !known.has(agent));
    if (connected.length > 0) await this.transact((tx) => this.membership.placeConnected(tx, connected));
    const answered = agentsWith(facts, ['configStatus']);
    if (answered.length > 0) await this.transact((tx) => this.desiredState.fallBackFailed(tx, answered));
    await this.convergence.hear(answered);
    await this.convergence.consider(agentsWith(facts, changesTarget));
  }
}

function agentsWith(facts: readonly AgentsChanged[], changes: readonly AgentChange[]): AgentId[] {
  const agents = facts
    .flatMap((fact) => fact.agents)
    .filter((agent) => agent.changes.some((change) => changes.includes(change)))
    .map(({ uid }) => uid as AgentId);
  return [...new Set(agents)];
}
