import type { Presence } from '@muster/agents/presence';
import type { OfferCache } from '@muster/configs/offer-cache';
import type { EventBus } from '@muster/messages/event-bus';
import type { Log } from '@muster/platform/log';
import type { Admission } from './admission.ts';
import { Answers } from './answers.ts';
import { Checkpoints } from './checkpoints.ts';
import { Claims } from './claims.ts';
import { Credentials } from './credentials.ts';
import { Deliveries } from './deliveries.ts';
import { DesiredConfigs } from './desired-configs.ts';
import { FullStateRequests } from './full-state-requests.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { Inboxes } from './inboxes.ts';
import { Liveness } from './liveness.ts';
import { MessageHandler } from './message-handler.ts';
import { Offers } from './offers.ts';
import { Reception } from './reception.ts';
import { Reclaims } from './reclaims.ts';
import { ReportOutbox } from './report-outbox.ts';
import { Sessions } from './sessions.ts';
import { Takeovers } from './takeovers.ts';

export interface GatewayWiring {
  settings: {
    id: string;
    maxMessageBytes: number;
    graceMs: number;
    httpSilenceMs: number;
    outboxBytes: number;
  };
  admission: Admission;
  metrics: GatewayMetrics;
  bus: EventBus;
  presence: Presence;
  offerCache: OfferCache;
  log: Log;
}

/** Puts a gateway together, without its listener. */
export function wireGateway(deps: GatewayWiring) {
  const { settings, bus, presence, offerCache, log, admission, metrics } = deps;
  const gateway = settings.id;
  const sessions = new Sessions(metrics);
  const checkpoints = new Checkpoints(gateway, presence, log);
  const outbox = new ReportOutbox({
    gateway,
    bus,
    metrics,
    log,
    maxBytes: settings.outboxBytes,
    onPublished: (published) => liveness.published(published),
    onDropped: (session) => fullState.owe(session),
  });
  const fullState = new FullStateRequests(metrics, () => outbox.healthy);
  const { graceMs, httpSilenceMs } = settings;
  const liveness = new Liveness({
    gateway,
    graceMs,
    httpSilenceMs,
    presence,
    sessions,
    outbox,
    checkpoints,
    log,
  });

  const credentials = new Credentials(bus, log);
  const configs = new DesiredConfigs(offerCache);
  const offers = new Offers(configs, outbox, metrics, settings.maxMessageBytes);
  const answers = new Answers(offers, configs);
  const takeovers = new Takeovers(gateway, new Claims(gateway, presence, offerCache), credentials, configs);
  const handler = new MessageHandler({
    admission,
    answers,
    checkpoints,
    fullState,
    liveness,
    metrics,
    offers,
    outbox,
    takeovers,
    sessions,
    log,
  });
  const inboxes = new Inboxes(handler, sessions, liveness, metrics, log);
  return {
    checkpoints,
    credentials,
    deliveries: new Deliveries(sessions, configs, offers, liveness),
    liveness,
    outbox,
    fullState,
    reception: new Reception(inboxes, metrics),
    reclaims: new Reclaims(sessions, inboxes, takeovers, outbox),
  };
}
