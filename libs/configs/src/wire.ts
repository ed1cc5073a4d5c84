import type { Kysely } from 'kysely';
import type { Presence } from '@muster/agents/presence';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';
import type { EventBus } from '@muster/messages/event-bus';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Log } from '@muster/platform/log';
import { AgentConfigurationViews } from './agent-configuration-views.postgres.ts';
import { Announcer } from './announcer.ts';
import { CollectorValidators } from './collector-validators.ts';
import { ComponentFit } from './component-fit.postgres.ts';
import { ConfigurationService } from './configuration-service.ts';
import { ConfigurationStore } from './configuration-store.postgres.ts';
import { Convergence } from './convergence.ts';
import { ConvergenceGates } from './convergence-gates.ts';
import { ConvergenceStore } from './convergence-store.postgres.ts';
import { DatabaseGuard } from './database-guard.ts';
import { DesiredState } from './desired-state.ts';
import { DesiredStateStore } from './desired-state-store.postgres.ts';
import { Explanations } from './explanations.postgres.ts';
import { DriftReconciler } from './drift-reconciler.ts';
import { DriftStore } from './drift-store.postgres.ts';
import { DriftViews } from './drift-views.postgres.ts';
import { FleetMembership } from './fleet-membership.ts';
import { FleetService } from './fleet-service.ts';
import { FleetStore } from './fleet-store.postgres.ts';
import { FleetViews } from './fleet-views.postgres.ts';
import type { OfferCache } from './offer-cache.ts';
import { OfferDelivery } from './offer-delivery.ts';
import { OfferHolds } from './offer-holds.postgres.ts';
import { OfferStore } from './offer-store.postgres.ts';
import { Quarantines } from './quarantines.postgres.ts';
import { RenderedConfigs } from './rendered-configs.postgres.ts';
import { ConfigurationValidation } from './validation.postgres.ts';

export interface ConfigsDeps {
  readonly db: Kysely<Database>;
  readonly bus: EventBus;
  readonly presence: Presence;
  readonly offerCache: OfferCache;
  readonly delivery: GatewayDelivery;
  readonly log: Log;
  /** Unix milliseconds; tests have a clock of their own. */
  readonly now?: () => number;
  /** Real collectors that validate configurations; left out: none. */
  readonly collectors?: CollectorValidators;
  /** See `DatabaseGuard`, milliseconds. */
  readonly evidenceMs?: number;
}

/** Longer than gateways need to note again what they know of the database. */
const evidenceMs = 6_000;

export type Configs = ReturnType<typeof wireConfigs>;

/** Everything the capability offers, on these adapters. */
export function wireConfigs(deps: ConfigsDeps) {
  const { db, bus, presence, offerCache, delivery, log, now = Date.now } = deps;
  const collectors = deps.collectors ?? new CollectorValidators({ directory: null, sandboxed: true });
  const announcer = new Announcer(bus, log);
  const configurationStore = new ConfigurationStore(db);
  const componentFit = new ComponentFit();
  const rendered = new RenderedConfigs(configurationStore, componentFit);
  const fleetStore = new FleetStore();
  const holds = new OfferHolds(db);
  const offers = new OfferDelivery({
    store: new OfferStore(db),
    holds,
    offerCache,
    presence,
    delivery,
    log,
  });
  const desiredState = new DesiredState(new DesiredStateStore(), offers, announcer);
  const quarantines = new Quarantines(db, announcer);
  const convergenceStore = new ConvergenceStore(db);
  const convergence = new Convergence({
    store: convergenceStore,
    gates: new ConvergenceGates(convergenceStore, now),
    quarantines,
    rendered,
    desiredState,
    transact: (work) => transact(db, work),
    now,
    log,
  });
  return {
    configurations: new ConfigurationService(configurationStore, announcer),
    fleets: new FleetService(fleetStore, new FleetViews(db), configurationStore, announcer),
    agentConfigurations: new AgentConfigurationViews(db),
    rendered,
    componentFit,
    validation: new ConfigurationValidation({ db, rendered, fit: componentFit, collectors }),
    explanations: new Explanations(db, configurationStore, rendered),
    desiredState,
    quarantines,
    offers,
    holds,
    guard: new DatabaseGuard({ holds, offerCache, log, now, evidenceMs: deps.evidenceMs ?? evidenceMs }),
    membership: new FleetMembership(fleetStore, announcer),
    convergence,
    drifts: new DriftViews(db),
    driftReconciler: new DriftReconciler({
      store: new DriftStore(db),
      announcer,
      offers,
      desiredState,
      convergence,
      presence,
      delivery,
      transact: (work) => transact(db, work),
      log,
      now,
    }),
    announcer,
  };
}
