import type { ReportIntake } from '@muster/agents/report-intake';
import type { EventBus } from '@muster/messages/event-bus';
import { Module, type DynamicModule } from '@nestjs/common';
import type { ContestedAgents } from './contested-agents.ts';
import type { Reidentifications } from './reidentifications.ts';
import { ReidentifiedConsumer } from './reidentified.consumer.ts';
import { ReportsConsumer } from './reports.consumer.ts';
import { CONTESTED_AGENTS, EVENT_BUS, REIDENTIFICATIONS, REPORT_INTAKE } from './tokens.ts';

@Module({})
export class InventoryModule {
  static of({
    bus,
    intake,
    reidentifications,
    contested,
  }: {
    bus: EventBus;
    intake: ReportIntake;
    reidentifications: Reidentifications;
    contested: ContestedAgents;
  }): DynamicModule {
    return {
      module: InventoryModule,
      providers: [
        { provide: EVENT_BUS, useValue: bus },
        { provide: REPORT_INTAKE, useValue: intake },
        { provide: REIDENTIFICATIONS, useValue: reidentifications },
        { provide: CONTESTED_AGENTS, useValue: contested },
        ReportsConsumer,
        ReidentifiedConsumer,
      ],
    };
  }
}
