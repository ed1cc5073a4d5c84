import type { ReportIntake } from '@muster/agents/report-intake';
import type { EventBus } from '@muster/messages/event-bus';
import { Module, type DynamicModule } from '@nestjs/common';
import { ReportsConsumer } from './reports.consumer.ts';
import { EVENT_BUS, REPORT_INTAKE } from './tokens.ts';

@Module({})
export class InventoryModule {
  static of({ bus, intake }: { bus: EventBus; intake: ReportIntake }): DynamicModule {
    return {
      module: InventoryModule,
      providers: [
        { provide: EVENT_BUS, useValue: bus },
        { provide: REPORT_INTAKE, useValue: intake },
        ReportsConsumer,
      ],
    };
  }
}
