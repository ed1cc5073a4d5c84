import type { Configs } from '@muster/configs/wire';
import type { Tx } from '@muster/db/transaction';
import type { EventBus } from '@muster/messages/event-bus';
import { Module, type DynamicModule } from '@nestjs/common';
import { AgentsConsumer } from './agents.consumer.ts';
import { CONVERGENCE, DESIRED_STATE, EVENT_BUS, MEMBERSHIP, TRANSACT } from './tokens.ts';

export interface ConfigsModuleDeps {
  readonly bus: EventBus;
  readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly configs: Configs;
}

/** Gives the consumers what `wireConfigs` built. */
@Module({})
export class ConfigsModule {
  static of({ bus, transact, configs }: ConfigsModuleDeps): DynamicModule {
    return {
      module: ConfigsModule,
      providers: [
        AgentsConsumer,
        { provide: EVENT_BUS, useValue: bus },
        { provide: TRANSACT, useValue: transact },
        { provide: MEMBERSHIP, useValue: configs.membership },
        { provide: DESIRED_STATE, useValue: configs.desiredState },
        { provide: CONVERGENCE, useValue: configs.convergence },
      ],
    };
  }
}
