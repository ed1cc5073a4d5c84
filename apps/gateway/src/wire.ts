import type { WrongCredentials } from '@muster/access/wrong-credentials';
import type { Presence } from '@muster/agents/presence';
import type { OfferCache } from '@muster/configs/offer-cache';
import type { MessageLimits } from '@muster/opamp/message-limits';
import type { EventBus } from '@muster/messages/event-bus';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Log } from '@muster/platform/log';
import type { Admission } from './admission.ts';
import { Answers } from './answers.ts';
import { Checkpoints } from './checkpoints.ts';
import { Claims } from './claims.ts';
import { ComponentLists } from './component-lists.ts';
import { ContestedAgents } from './contested-agents.ts';
import { Credentials } from './credentials.ts';
import { Deliveries } from './deliveries.ts';
import { DatabaseWatch } from './database-watch.ts';
import { DesiredConfigs } from './desired-configs.ts';
import { FullStateRequests } from './full-state-requests.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { Guesses } from './guesses.ts';
import { HandOvers } from './hand-overs.ts';
import { HeldMessages } from './held-messages.ts';
import { Heartbeats } from './heartbeats.ts';
import { Inboxes } from './inboxes.ts';
import { Incumbents } from './incumbents.ts';
import { Liveness } from './liveness.ts';
import { MessageHandler } from './message-handler.ts';
import { Newcomers } from './newcomers.ts';
import { Offers } from './offers.ts';
import { Quotas, type QuotaSettings } from './quotas.ts';
import { Reception } from './reception.ts';
import { Reclaims } from './reclaims.ts';
import { Refusals } from './refusals.ts';
import { Reidentifications } from './reidentifications.ts';
import { ReportOutbox } from './report-outbox.ts';
import { SequenceStreams } from './sequence-streams.ts';
import { Sessions } from './sessions.ts';
import { Takeovers } from './takeovers.ts';

export interface GatewayWiring {
  settings: {
    id: string;
    maxMessageBytes: number;
    graceMs: number;
    httpSilenceMs: number;
    outboxBytes: number;
    unfinishedBytes: number;
    messageLimits: MessageLimits;
    quotas: QuotaSettings;
  };
  admission: Admission;
  wrongCredentials: WrongCredentials;
  metrics: GatewayMetrics;
  bus: EventBus;
  delivery: GatewayDelivery;
  presence: Presence;
  offerCache: OfferCache;
  log: Log;
}

/** Puts a gateway together, without its listener. */
export function wireGateway(deps: GatewayWiring) {
  const { settings, bus, delivery, presence, offerCache, log, admission, metrics } = deps;
  const gateway = settings.id;
  const sessions = new Sessions(metrics);
  const checkpoints = new Checkpoints(gateway, presence, log, (session) => {
    // A WebSocket stays where it is: whoever took the agent from it has asked whether it lives.
    if (session.transport === 'http') void reclaims.claim(session);
  });
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

  const credentials = new Credentials(bus, deps.wrongCredentials, log);
  const configs = new DesiredConfigs(offerCache);
  const offers = new Offers(configs, outbox, metrics, settings.maxMessageBytes);
  const answers = new Answers(offers, configs);
  const componentLists = new ComponentLists(presence, sessions, outbox);
  // One that polls every 30 s has missed a poll by then.
  const quietMs = httpSilenceMs / 2;
  const streams = new SequenceStreams(quietMs);
  const guesses = new Guesses();
  const contested = new ContestedAgents({ gateway, bus, metrics, log });
  const refusals = new Refusals(metrics, contested);
  const claims = new Claims(gateway, presence, offerCache);
  const database = new DatabaseWatch(offerCache, sessions, fullState);
  const takeovers = new Takeovers({
    database,
    gateway,
    claims,
    contested,
    credentials,
    configs,
    delivery,
    liveness,
    sessions,
    streams,
  });
  const reidentifications = new Reidentifications({
    gateway,
    presence,
    bus,
    contested,
    credentials,
    metrics,
    log,
  });
  const newcomers = new Newcomers({
    sessions,
    incumbents: new Incumbents(quietMs, guesses),
    refusals,
    reidentifications,
    contested,
    credentials,
    metrics,
  });
  const quotas = new Quotas(settings.quotas, metrics, log);
  const held = new HeldMessages(settings.unfinishedBytes);
  const handler = new MessageHandler({
    admission,
    answers,
    checkpoints,
    componentLists,
    fullState,
    guesses,
    liveness,
    metrics,
    offers,
    outbox,
    quietMs,
    refusals,
    presence,
    quotas,
    reidentifications,
    sessions,
    streams,
    takeovers,
    log,
  });
  const handOvers = new HandOvers(sessions, newcomers, checkpoints, liveness, streams);
  const inboxes = new Inboxes(handler, newcomers, sessions, liveness, metrics, quotas, held, log);
  const reclaims: Reclaims = new Reclaims(sessions, inboxes, takeovers, outbox);
  return {
    checkpoints,
    componentLists,
    contested,
    credentials,
    database,
    deliveries: new Deliveries(sessions, configs, offers, liveness, handOvers),
    liveness,
    outbox,
    fullState,
    reception: new Reception(
      new Heartbeats(sessions, checkpoints),
      inboxes,
      sessions,
      reidentifications,
      guesses,
      metrics,
      settings.messageLimits,
      held,
    ),
    refusals,
    quotas,
    reidentifications,
    reclaims,
  };
}
