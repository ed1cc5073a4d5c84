import type { AccessService } from '@muster/access/access-service';
import type { Audit } from '@muster/access/audit.postgres';
import { wireAccess } from '@muster/access/wire';
import { WrongCredentials } from '@muster/access/wrong-credentials';
import type { Presence } from '@muster/agents/presence';
import { wireAgents } from '@muster/agents/wire';
import type { CollectorValidators } from '@muster/configs/collector-validators';
import type { ConfigurationService } from '@muster/configs/configuration-service';
import type { Explanations } from '@muster/configs/explanations.postgres';
import type { OfferCache } from '@muster/configs/offer-cache';
import type { ConfigurationValidation } from '@muster/configs/validation.postgres';
import type { Quarantines } from '@muster/configs/quarantines.postgres';
import { wireConfigs } from '@muster/configs/wire';
import type { Database } from '@muster/db/schema';
import type { DeadLetters } from '@muster/messages/dead-letters';
import type { EventBus } from '@muster/messages/event-bus';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Log } from '@muster/platform/log';
import { Readiness, type Check } from '@muster/platform/readiness';
import { TrustedProxies } from '@muster/platform/trusted-proxies';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import type { BlastRadii } from '@muster/rollouts/blast-radii.postgres';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import { wireRollouts } from '@muster/rollouts/wire';
import type { Kysely } from 'kysely';
import { AgentChanges } from './agents/agent-changes.ts';
import { AgentResources } from './agents/agent-resources.ts';
import { ConfigurationChanges } from './configurations/configuration-changes.ts';
import { DeadLetterChanges } from './dead-letters/dead-letter-changes.ts';
import { DriftResources } from './drift/drift-resources.ts';
import { EnrollmentTokenChanges } from './enrollment-tokens/enrollment-token-changes.ts';
import { FleetChanges } from './fleets/fleet-changes.ts';
import { FleetResources } from './fleets/fleet-resources.ts';
import { Authentication } from './http/authentication.ts';
import { OfferHoldResources } from './offer-hold/offer-hold-resources.ts';
import { OverviewResources } from './overview/overview-resources.ts';
import { QuarantineChanges } from './quarantines/quarantine-changes.ts';
import { RolloutChanges } from './rollouts/rollout-changes.ts';

/** The adapters an API process works with. */
export interface ApiPorts {
  db: Kysely<Database>;
  bus: EventBus;
  presence: Presence;
  offerCache: OfferCache;
  delivery: GatewayDelivery;
  queue: BatchQueue;
  /** What /readyz looks at. */
  checks: readonly Check[];
  log: Log;
  /** Real collectors that validate configurations; left out: none. */
  collectors?: CollectorValidators;
}

/** The settings that decide who is who. */
export interface AccessSettings {
  trustedProxies: readonly string[];
  wrongCredentialsPerMinute: number;
}

/** What REST and GraphQL are thin over. */
export interface ApiServices {
  access: AccessService;
  audit: Audit;
  authentication: Authentication;
  wrongCredentials: WrongCredentials;
  readiness: Readiness;
  agentResources: AgentResources;
  agentChanges: AgentChanges;
  configurations: ConfigurationService;
  configurationChanges: ConfigurationChanges;
  explanations: Explanations;
  validation: ConfigurationValidation;
  fleetResources: FleetResources;
  fleetChanges: FleetChanges;
  rollouts: RolloutService;
  blastRadii: BlastRadii;
  rolloutChanges: RolloutChanges;
  quarantines: Quarantines;
  quarantineChanges: QuarantineChanges;
  driftResources: DriftResources;
  enrollmentTokenChanges: EnrollmentTokenChanges;
  offerHold: OfferHoldResources;
  deadLetters: DeadLetters;
  deadLetterChanges: DeadLetterChanges;
  overview: OverviewResources;
}

export function wireApi(ports: ApiPorts & { settings: AccessSettings }): ApiServices {
  const { db, bus, settings, log } = ports;
  const { access, audit } = wireAccess({ db, bus });
  const wrongCredentials = new WrongCredentials({ perMinute: settings.wrongCredentialsPerMinute, log });
  const agents = wireAgents(ports);
  const configs = wireConfigs(ports);
  const { configurations, fleets, agentConfigurations, quarantines, drifts } = configs;
  const { rollouts, blastRadii } = wireRollouts({ ...ports, configs });
  return {
    access,
    audit,
    authentication: new Authentication(access, wrongCredentials, new TrustedProxies(settings.trustedProxies)),
    wrongCredentials,
    readiness: new Readiness(ports.checks),
    agentResources: new AgentResources(agents.views, agentConfigurations, drifts),
    agentChanges: new AgentChanges({
      db,
      audit,
      store: agents.store,
      commands: agents.commands,
      membership: configs.membership,
    }),
    configurations,
    configurationChanges: new ConfigurationChanges({ db, audit, configurations }),
    explanations: configs.explanations,
    validation: configs.validation,
    fleetResources: new FleetResources(fleets, rollouts),
    fleetChanges: new FleetChanges({ db, audit, fleets, configurations, rollouts }),
    rollouts,
    blastRadii,
    rolloutChanges: new RolloutChanges({ db, audit, rollouts }),
    quarantines,
    quarantineChanges: new QuarantineChanges({ db, audit, quarantines }),
    driftResources: new DriftResources(drifts),
    enrollmentTokenChanges: new EnrollmentTokenChanges({ db, access }),
    offerHold: new OfferHoldResources({ db, audit, holds: configs.holds, rollouts }),
    deadLetters: bus.deadLetters,
    deadLetterChanges: new DeadLetterChanges({ db, audit, bus, queue: ports.queue }),
    overview: new OverviewResources({
      agents: agents.views,
      agentConfigurations,
      drifts,
      configurations,
      fleets,
      rollouts,
      deadLetters: bus.deadLetters,
    }),
  };
}
