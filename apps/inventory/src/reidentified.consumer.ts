import type { EventBus, Subscription } from '@muster/messages/event-bus';
import { Inject, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { ContestedAgents } from './contested-agents.ts';
import type { Reidentifications } from './reidentifications.ts';
import { CONTESTED_AGENTS, EVENT_BUS, REIDENTIFICATIONS } from './tokens.ts';

/** Takes to the audit log which agents gateways gave another uid, and which ones more than one client wanted. */
export class ReidentifiedConsumer implements OnModuleInit, OnModuleDestroy {
  readonly #bus: EventBus;
  readonly #reidentifications: Reidentifications;
  readonly #contested: ContestedAgents;
  #subscriptions: Subscription[] = [];

  constructor(
    @Inject(EVENT_BUS) bus: EventBus,
    @Inject(REIDENTIFICATIONS) reidentifications: Reidentifications,
    @Inject(CONTESTED_AGENTS) contested: ContestedAgents,
  ) {
    this.#contested = contested;
    this.#bus = bus;
    this.#reidentifications = reidentifications;
  }

  async onModuleInit(): Promise<void> {
    this.#subscriptions = [
      await this.#bus.consume('agents.reidentified', 'inventory', (facts) =>
        this.#reidentifications.note(facts),
      ),
      await this.#bus.consume('agents.contested', 'inventory', (facts) => this.#contested.note(facts)),
    ];
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
  }
}
