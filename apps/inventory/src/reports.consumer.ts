import type { ReportIntake } from '@muster/agents/report-intake';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import { inSpan } from '@muster/platform/telemetry';
import { Inject, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { EVENT_BUS, REPORT_INTAKE } from './tokens.ts';

/** Frames taken at once; a frame holds some tens of reports. */
const maxBatch = 64;

/** Takes report frames off the bus; they are acknowledged when they are stored. */
export class ReportsConsumer implements OnModuleInit, OnModuleDestroy {
  readonly #bus: EventBus;
  readonly #intake: ReportIntake;
  #subscription: Subscription | undefined;

  constructor(@Inject(EVENT_BUS) bus: EventBus, @Inject(REPORT_INTAKE) intake: ReportIntake) {
    this.#bus = bus;
    this.#intake = intake;
  }

  async onModuleInit(): Promise<void> {
    const take = (frames: Parameters<ReportIntake['take']>[0]) =>
      inSpan('inventory.take', { frames: frames.length }, () => this.#intake.take(frames));
    this.#subscription = await this.#bus.consume('reports', 'inventory', take, { maxBatch });
  }

  async onModuleDestroy(): Promise<void> {
    await this.#subscription?.stop();
  }
}
