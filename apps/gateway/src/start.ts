import { WrongCredentials } from '@muster/access/wrong-credentials';
import type { Presence } from '@muster/agents/presence';
import type { OfferCache } from '@muster/configs/offer-cache';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Log } from '@muster/platform/log';
import type { Running } from '@muster/platform/running';
import { observeNumbers } from '@muster/platform/telemetry';
import { Arrivals } from './arrivals.uws.ts';
import { Admission } from './admission.ts';
import { closeReasons } from './agent-link.ts';
import { FormerAgents } from './former-agents.ts';
import { ClientCertificates } from './client-certificates.ts';
import { learnEveryMs } from './credentials.ts';
import type { Doorway } from './doorway.ts';
import { Inflation } from './gzip.ts';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts';
import type { GatewaySettings } from './gateway-settings.ts';
import { HeapTrim } from './heap-trim.ts';
import { LastSteps, lastStepsMs } from './last-steps.ts';
import { Lease } from './lease.ts';
import { Listener } from './listener.uws.ts';
import { MemoryBudget } from './memory-budget.ts';
import { SocketRecycling } from './socket-recycling.ts';
import { authoritiesIn, readTlsFiles } from './tls-files.ts';
import { TlsRenewal } from './tls-renewal.ts';
import { TrustedProxies } from '@muster/platform/trusted-proxies';
import { wireGateway } from './wire.ts';

export interface GatewayDeps {
  settings: GatewaySettings;
  bus: EventBus;
  delivery: GatewayDelivery;
  presence: Presence;
  offerCache: OfferCache;
  log: Log;
}

export interface RunningGateway extends Running {
  port: number;
  metrics: GatewayMetrics;
}

/** How long stopping may wait for the bus, milliseconds. */
const longestFlushMs = 4_000;

/**
 * Starts a gateway: the door of agents, over WebSocket and plain HTTP on one port. Rejects with
 * `CannotListen`, or when Presence or the bus cannot be reached.
 */
export async function startGateway(deps: GatewayDeps): Promise<RunningGateway> {
  const { settings, presence, log } = deps;
  const tls = settings.tls === null ? null : await readTlsFiles(settings.tls);
  for (const warning of tls?.warnings ?? []) log.warn(warning);
  const arrivals = await expectArrivals(settings);
  const metrics = createGatewayMetrics();
  observeNumbers('gateway', metrics, ['connections', 'agents', 'bodyBytes']);
  const admission = new Admission({
    perSecond: settings.acceptsPerSecond,
    minRetryAfter: settings.minRetryAfter,
  });
  const wrongCredentials = new WrongCredentials({ perMinute: settings.wrongCredentialsPerMinute, log });
  observeNumbers('gateway', wrongCredentials.totals, []);
  const gateway = wireGateway({ ...deps, admission, wrongCredentials, metrics });
  const {
    checkpoints,
    componentLists,
    contested,
    database,
    fullState,
    liveness,
    outbox,
    reclaims,
    reidentifications,
  } = gateway;

  const former = await FormerAgents.find(settings.id, presence);
  await database.look();
  const lease = await Lease.take({
    gateway: settings.id,
    ttlMs: settings.leaseTtlMs,
    presence,
    log,
    returnsWithin: () => admission.returnsWithin(),
    onRenewed: () => database.look(),
    onLapsed: () => void reclaims.claimAll(),
  });
  await gateway.credentials.learn();
  const learning = setInterval(() => void gateway.credentials.learn(), learnEveryMs);
  const doorway = openDoorway(settings, { ...gateway, admission, metrics, arrivals });
  const listener = await Listener.open(settings.host, settings.port, doorway, tls, log).catch(
    async (error: unknown) => {
      clearInterval(learning);
      await lease.end();
      await Promise.all([fullState.stop(), liveness.stop(), checkpoints.stop()]);
      throw error;
    },
  );
  const renewal =
    tls &&
    new TlsRenewal({
      paths: settings.tls!,
      current: tls,
      use: (files) => listener.useCertificate(files),
      metrics,
      log,
    });
  const subscriptions = await takeOrders(deps, gateway, listener);
  const leaveFormer = setTimeout(() => {
    former.leave().catch((error: unknown) => log.warn({ err: error }, 'former agents were not let go'));
  }, settings.leaseTtlMs);
  log.info({ gateway: settings.id, host: settings.host, port: listener.port }, 'agents may connect');

  const heapTrim = new HeapTrim(() => metrics.reports + metrics.recycled);

  const stop = async () => {
    clearTimeout(leaveFormer);
    clearInterval(learning);
    wrongCredentials.stop();
    heapTrim.stop();
    doorway.recycling.stop();
    renewal?.stop();
    listener.stopAccepting();
    await listener.closeConnections(closeReasons.goingAway, () => true, settings.drainMs);
    const last = new LastSteps(log);
    const said = [
      await last.take('who said goodbye', () => liveness.stop()),
      await last.take('reports under way', () =>
        Promise.all([outbox.close(longestFlushMs), reidentifications.close(), contested.close()]),
      ),
      await last.take('where sessions stand', () => checkpoints.stop()),
      await last.take('leaving agents to other gateways', () => liveness.leaveAll()),
    ];
    fullState.stop();
    componentLists.stop();
    gateway.quotas.stop();
    await last.take('unsubscribing', () => Promise.all(subscriptions.map((one) => one.stop())));
    // Agents that could not be left are looked after by inventory once the lease has run out.
    if (!said.every(Boolean)) lease.letRunOut();
    else await last.take('the end of the lease', () => lease.end());
    listener.end();
  };
  let stopping: Promise<void> | null = null;
  return {
    port: listener.port,
    metrics,
    stopsWithinMs: settings.drainMs + lastStepsMs,
    stop: () => (stopping ??= stop()),
  };
}

async function expectArrivals({
  tls,
  clientCaFile,
  trustedProxies,
  certificateHeader,
}: GatewaySettings): Promise<Arrivals> {
  return new Arrivals({
    proxies: new TrustedProxies(trustedProxies),
    certificates: clientCaFile === null ? null : new ClientCertificates(await authoritiesIn(clientCaFile)),
    tlsAsks: tls !== null && clientCaFile !== null,
    certificateHeader,
  });
}

function openDoorway(
  settings: GatewaySettings,
  parts: Pick<Doorway, 'admission' | 'arrivals' | 'credentials' | 'liveness' | 'metrics' | 'reception'>,
): Doorway {
  const { maxMessageBytes, unfinishedBytes, sharesProcess, idleMs, bodyTimeoutMs, messagesPerSecond } =
    settings;
  return {
    ...parts,
    maxMessageBytes,
    unfinishedBytes,
    sharesProcess,
    idleMs,
    bodies: {
      maxBytes: maxMessageBytes,
      budget: new MemoryBudget(unfinishedBytes, parts.metrics),
      timeoutMs: bodyTimeoutMs,
    },
    recycling: new SocketRecycling(settings.recycleFromBytes, settings.recycleAfterMs, parts.metrics),
    inflation: new Inflation(maxMessageBytes),
    messageRate: { perSecond: messagesPerSecond },
  };
}

async function takeOrders(
  { settings, bus, delivery }: GatewayDeps,
  { credentials, deliveries, liveness, refusals }: ReturnType<typeof wireGateway>,
  listener: Listener,
): Promise<Subscription[]> {
  return [
    await delivery.receive(settings.id, (order) => deliveries.handle(order)),
    await bus.listen('access.token-changed', ({ id, mayTakeOver }) => {
      credentials.allowTakeOver(id, mayTakeOver);
      refusals.forget();
    }),
    await bus.listen('access.token-created', ({ secretHash, verdict }) =>
      credentials.learnOf(secretHash, verdict),
    ),
    await bus.listen('access.token-revoked', ({ id }) => {
      credentials.revoke(id);
      liveness.revoked(id);
      void listener.closeConnections(closeReasons.revoked, ({ token }) => token.enrollmentTokenId === id);
    }),
  ];
}
