import { AccessService } from '@muster/access/access-service';
import { Audit } from '@muster/access/audit.postgres';
import { ConfigurationService } from '@muster/configs/configuration-service';
import { Explanations } from '@muster/configs/explanations.postgres';
import { ConfigurationValidation } from '@muster/configs/validation.postgres';
import { Quarantines } from '@muster/configs/quarantines.postgres';
import { BlastRadii } from '@muster/rollouts/blast-radii.postgres';
import { RolloutService } from '@muster/rollouts/rollout-service';
import { Readiness } from '@muster/platform/readiness';
import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { AgentChanges } from './agents/agent-changes.ts';
import { AgentResources } from './agents/agent-resources.ts';
import { AgentsController } from './agents/agents.controller.ts';
import { AuditController } from './audit/audit.controller.ts';
import { ConfigurationChanges } from './configurations/configuration-changes.ts';
import { ConfigurationsController } from './configurations/configurations.controller.ts';
import { DeadLetterChanges } from './dead-letters/dead-letter-changes.ts';
import { DEAD_LETTERS, DeadLettersController } from './dead-letters/dead-letters.controller.ts';
import { DriftController } from './drift/drift.controller.ts';
import { DriftResources } from './drift/drift-resources.ts';
import { EnrollmentTokenChanges } from './enrollment-tokens/enrollment-token-changes.ts';
import { EnrollmentTokensController } from './enrollment-tokens/enrollment-tokens.controller.ts';
import { FleetChanges } from './fleets/fleet-changes.ts';
import { FleetResources } from './fleets/fleet-resources.ts';
import { FleetsController } from './fleets/fleets.controller.ts';
import { HealthController } from './health/health.controller.ts';
import { OfferHoldController } from './offer-hold/offer-hold.controller.ts';
import { OfferHoldResources } from './offer-hold/offer-hold-resources.ts';
import { Authentication } from './http/authentication.ts';
import { OpampEndpointController } from './opamp-endpoint/opamp-endpoint.controller.ts';
import { OpenapiController } from './openapi/openapi.controller.ts';
import { OverviewController } from './overview/overview.controller.ts';
import { OverviewResources } from './overview/overview-resources.ts';
import { QuarantineChanges } from './quarantines/quarantine-changes.ts';
import { QuarantinesController } from './quarantines/quarantines.controller.ts';
import { RolloutChanges } from './rollouts/rollout-changes.ts';
import { RolloutsController } from './rollouts/rollouts.controller.ts';
import { SessionController } from './session/session.controller.ts';
import { API_SETTINGS, type ApiSettings } from './settings.ts';
import type { ApiServices } from './wire.ts';

/** Gives the controllers what `wireApi` built. */
@Module({})
export class ApiModule {
  static of(services: ApiServices, settings: ApiSettings): DynamicModule {
    return {
      module: ApiModule,
      controllers: [
        HealthController,
        OpenapiController,
        SessionController,
        AgentsController,
        ConfigurationsController,
        FleetsController,
        RolloutsController,
        QuarantinesController,
        DriftController,
        DeadLettersController,
        EnrollmentTokensController,
        OpampEndpointController,
        AuditController,
        OfferHoldController,
        OverviewController,
      ],
      providers: [...providers(services), { provide: API_SETTINGS, useValue: settings }],
    };
  }
}

function providers(services: ApiServices): Provider[] {
  return [
    { provide: AccessService, useValue: services.access },
    { provide: Audit, useValue: services.audit },
    { provide: Authentication, useValue: services.authentication },
    { provide: Readiness, useValue: services.readiness },
    { provide: AgentResources, useValue: services.agentResources },
    { provide: AgentChanges, useValue: services.agentChanges },
    { provide: ConfigurationService, useValue: services.configurations },
    { provide: ConfigurationChanges, useValue: services.configurationChanges },
    { provide: Explanations, useValue: services.explanations },
    { provide: ConfigurationValidation, useValue: services.validation },
    { provide: FleetResources, useValue: services.fleetResources },
    { provide: FleetChanges, useValue: services.fleetChanges },
    { provide: RolloutService, useValue: services.rollouts },
    { provide: BlastRadii, useValue: services.blastRadii },
    { provide: RolloutChanges, useValue: services.rolloutChanges },
    { provide: Quarantines, useValue: services.quarantines },
    { provide: QuarantineChanges, useValue: services.quarantineChanges },
    { provide: DriftResources, useValue: services.driftResources },
    { provide: EnrollmentTokenChanges, useValue: services.enrollmentTokenChanges },
    { provide: OfferHoldResources, useValue: services.offerHold },
    { provide: DEAD_LETTERS, useValue: services.deadLetters },
    { provide: DeadLetterChanges, useValue: services.deadLetterChanges },
    { provide: OverviewResources, useValue: services.overview },
  ];
}
