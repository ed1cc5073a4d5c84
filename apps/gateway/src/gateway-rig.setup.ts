import { createHash } from 'node:crypto';
import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { createMemoryOfferCache } from '@muster/configs/offer-cache.memory';
import type { DeliveryReceipt } from '@muster/messages/delivery';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createMemoryGatewayDelivery } from '@muster/messages/gateway-delivery.memory';
import type { Report } from '@muster/messages/report-frame';
import type { AgentsContested, AgentsReidentified, TokenVerdict } from '@muster/messages/vocabulary';
import { FakeAgent, type FakeAgentOptions } from '@muster/opamp/fake-agent';
import { FakeWebSocket } from '@muster/opamp/fake-connection';
import { AgentToServer } from '@muster/opamp/opamp';
import { encodeRemoteConfig } from '@muster/opamp/remote-config';
import { silentLog } from '@muster/platform/log';
import { gatewayDefaults, type GatewaySettings } from './gateway-settings.ts';
import { startGateway, type RunningGateway } from './start.ts';

export const token = 'mus_enroll_for_tests';
export const tokenId = '0192b1d0-0000-7000-8000-000000000001';

/** Gateways in one process on memory adapters, with a stand-in for inventory that keeps every report. */
export class GatewayRig {
  readonly presence: Presence;
  readonly offerCache = createMemoryOfferCache();
  readonly delivery = createMemoryGatewayDelivery();
  readonly bus = createMemoryEventBus();
  readonly reports: Report[] = [];
  /** What was said of agents that were given another uid. */
  readonly reidentified: AgentsReidentified[] = [];
  /** What was said of agents that others wanted. */
  readonly contested: AgentsContested[] = [];
  /** How often each question was asked. */
  readonly asked = { verify: 0, enroll: 0 };
  readonly enrolled: { uid: string; former: string | undefined }[] = [];
  /** Other tokens than `token` that are good. */
  readonly otherTokens = new Map<string, TokenVerdict>();
  verdict: TokenVerdict = { accepted: true, enrollmentTokenId: tokenId, expiresAt: null, limited: false };
  /** Reports are handled only while this resolves. */
  storing: Promise<void> = Promise.resolve();
  mayEnroll = true;
  readonly #gateways: RunningGateway[] = [];
  readonly #agents: FakeAgent[] = [];

  constructor(presence: Presence = createMemoryPresence()) {
    this.presence = presence;
  }

  async open(): Promise<void> {
    await this.presence.seed([]);
    const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex');
    const good = hashOf(token);
    await this.bus.respond('access.verify-token', async ({ secretHash }) => {
      this.asked.verify += 1;
      if (secretHash === good) return this.verdict;
      const other = [...this.otherTokens].find(([secret]) => hashOf(secret) === secretHash);
      return other?.[1] ?? { accepted: false, reason: 'unknown' };
    });
    await this.bus.respond('access.enroll', async ({ uid, former }) => {
      this.asked.enroll += 1;
      this.enrolled.push({ uid, former });
      return { accepted: this.mayEnroll };
    });
    await this.bus.consume('reports', 'test', async (frames) => {
      await this.storing;
      for (const frame of frames) this.reports.push(...frame.reports);
    });
    await this.bus.listen('agents.reidentified', (fact) => void this.reidentified.push(fact));
    await this.bus.listen('agents.contested', (fact) => void this.contested.push(fact));
  }

  async gateway(settings: Partial<GatewaySettings> = {}): Promise<RunningGateway> {
    const { bus, delivery, presence, offerCache } = this;
    const all = {
      ...gatewayDefaults,
      id: 'gateway-a',
      host: '127.0.0.1',
      port: 0,
      graceMs: 200,
      ...settings,
    };
    const gateway = await startGateway({
      settings: all,
      bus,
      delivery,
      presence,
      offerCache,
      log: silentLog,
    });
    this.#gateways.push(gateway);
    return gateway;
  }

  /** A WebSocket for several agents, or one that hangs in the air. */
  connection(gateway: RunningGateway, options: { autoPong?: boolean } = {}): Promise<FakeWebSocket> {
    return FakeWebSocket.open(opampUrl(gateway, 'ws'), { authorization: `Bearer ${token}` }, options);
  }

  /** Another good token, of this id. */
  addToken(enrollmentTokenId: string, mayTakeOver = false): string {
    const secret = `mus_enroll_${enrollmentTokenId}`;
    const verdict = {
      accepted: true,
      enrollmentTokenId,
      expiresAt: null,
      limited: false,
      mayTakeOver,
    } as const;
    this.otherTokens.set(secret, verdict);
    return secret;
  }

  agent(gateway: RunningGateway, options: Partial<FakeAgentOptions> & { http?: boolean } = {}): FakeAgent {
    const { http, ...rest } = options;
    const agent = new FakeAgent({ url: opampUrl(gateway, http ? 'http' : 'ws'), token, ...rest });
    this.#agents.push(agent);
    return agent;
  }

  /** Makes `text` the desired config of agents, as configs does: cache first, then one message a gateway. */
  async desire(text: string, ...agents: FakeAgent[]): Promise<{ hash: string; receipts: DeliveryReceipt[] }> {
    const { configHash, remoteConfig } = encodeRemoteConfig([
      { name: '', body: Buffer.from(text), contentType: 'text/yaml' },
    ]);
    const hash = configHash.toString('hex');
    const ids = agents.map(({ uid }) => agentIdFromBytes(uid));
    await this.offerCache.putRemoteConfig(hash, remoteConfig);
    await this.offerCache.setDesired(ids.map((agent) => ({ agent, hash })));
    const holders = Object.groupBy(await this.presence.locate(ids), ([, gateway]) => gateway);
    const receipts = Object.entries(holders).map(([gateway, held]) => {
      const instanceUids = Buffer.concat(
        held!.map(([agent]) => Buffer.from(agent.replaceAll('-', ''), 'hex')),
      );
      return this.delivery.deliver(gateway, {
        kind: 'desiredConfig',
        configHash,
        remoteConfig,
        instanceUids,
      });
    });
    return { hash, receipts: await Promise.all(receipts) };
  }

  /** The reports of one agent, with what the agent said decoded. */
  reportsOf({ uid }: FakeAgent) {
    return this.reports
      .filter((report) => Buffer.from(report.instanceUid).equals(uid))
      .map((report) => ({ ...report, said: AgentToServer.decode(report.agentToServer) }));
  }

  async until(condition: () => boolean, timeoutMs = 3_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for nothing: ${condition}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.cut()));
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
    await this.bus.close();
  }
}

export function opampUrl(gateway: RunningGateway, scheme: 'ws' | 'http'): string {
  return `${scheme}://127.0.0.1:${gateway.port}/v1/opamp`;
}

/** Long enough for a report that should not be there to have come. */
export function settle(ms = 120): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
