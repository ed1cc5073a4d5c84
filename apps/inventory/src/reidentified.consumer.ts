import type { EventBus, Subscription } from '@muster/messages/event-bus';
import { Inject, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Reidentifications } from './reidentifications.ts';
import { EVENT_BUS, REIDENTIFICATIONS } from './tokens.ts';

/** Takes to the audit log which agents gateways gave another uid. */
export class ReidentifiedConsumer implements OnModuleInit, OnModuleDestroy {
  readonly #bus: EventBus;
  readonly #reidentifications: Reidentifications;
  #subscription: Subscription | undefined;

  constructor(
    @Inject(EVENT_BUS) bus: EventBus,
    @Inject(REIDENTIFICATIONS) reidentifications: Reidentifications,
  ) {
    this.#bus = bus;
    this.#reidentifications = reidentifications;
  }

  async onModuleInit(): Promise<void> {
    this.#subscription = await this.#bus.consume('agents.reidentified', 'inventory', (facts) =>
      this.#reidentifications.note(facts),
    );
  }

  async onModuleDestroy(): Promise<void> {
    await this.#subscription?.stop();
  }
}
