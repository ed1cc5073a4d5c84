import type { EventBus } from '@muster/messages/event-bus';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import type { RolloutEngine } from '@muster/rollouts/rollout-engine';
import { Module, type DynamicModule } from '@nestjs/common';
import { RolloutsConsumer } from './rollouts.consumer.ts';
import { BATCH_QUEUE, ENGINE, EVENT_BUS } from './tokens.ts';

export interface RolloutsModuleDeps {
  readonly bus: EventBus;
  readonly queue: BatchQueue;
  readonly engine: RolloutEngine;
}

/** Gives the consumer what `wireRollouts` built. */
@Module({})
export class RolloutsModule {
  static of({ bus, queue, engine }: RolloutsModuleDeps): DynamicModule {
    return {
      module: RolloutsModule,
      providers: [
        RolloutsConsumer,
        { provide: EVENT_BUS, useValue: bus },
        { provide: BATCH_QUEUE, useValue: queue },
        { provide: ENGINE, useValue: engine },
      ],
    };
  }
}
