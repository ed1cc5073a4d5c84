import { agentIdsFromBytes, agentIdsToBytes, type AgentId } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import type { Log } from '@muster/platform/log';
import type { OfferCache } from './offer-cache.ts';
import type { OfferHolds } from './offer-holds.postgres.ts';
import type { Offer, OfferStore, UndeliveredOffers } from './offer-store.postgres.ts';

/** Agents in one pass: bounds a delivery to 80 kB of uids beside its config. */
const batchSize = 5000;
/** Notes of undelivered offers that one sweep takes. */
const notesAtOnce = 20;

export interface OfferDeliveryDeps {
  readonly store: OfferStore;
  readonly holds: OfferHolds;
  readonly offerCache: OfferCache;
  readonly presence: Presence;
  readonly delivery: GatewayDelivery;
  readonly log: Log;
}

/**
 * Brings offers from Postgres to where agents find them: into the offer cache first, then to the gateways
 * that hold the agents, one message for each gateway and config. An agent that is offline needs no message:
 * its next gateway reads the cache.
 */
export class OfferDelivery {
  readonly #deps: OfferDeliveryDeps;

  constructor(deps: OfferDeliveryDeps) {
    this.#deps = deps;
  }

  /**
   * Delivers what these agents should have now. What cannot be delivered stays noted in Postgres and is
   * logged; `deliverUndelivered` tries again. Never rejects.
   */
  async deliver({ note, agents }: UndeliveredOffers): Promise<void> {
    try {
      // Others know of this generation before any agent can: a database from before the offers is noticed.
      const { generation, hold } = await this.#deps.holds.advance();
      // What is noted is delivered when offers are made again.
      if (hold) return;
      await this.#deps.offerCache.keepGeneration(generation);
      const left: AgentId[] = [];
      for (let start = 0; start < agents.length; start += batchSize) {
        left.push(...(await this.#deliverBatch(agents.slice(start, start + batchSize))));
      }
      await this.#deps.store.settle(note, left);
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'offers could not be delivered; they are tried again');
    }
  }

  /**
   * Offers these agents what they should have once more, though they were offered it and said nothing. One
   * that reported it, or that it failed, is not offered it again.
   */
  async offerAgain(agents: readonly AgentId[]): Promise<void> {
    if (await this.#deps.holds.find()) return;
    const note = await this.#deps.store.reopen(agents);
    if (note === null) return;
    // Gateways that are told to offer nothing forget what they offered.
    const nothing = agents.map((agent) => ({ agent, hash: null, retry: false }));
    await this.#send(nothing, await this.#deps.presence.locate(agents), new Map());
    await this.deliver({ note, agents });
  }

  /** Delivers what a process that died, or a gateway that did not answer, left behind. */
  async deliverUndelivered(olderThanMs: number): Promise<void> {
    for (const offers of await this.#deps.store.undelivered(olderThanMs, notesAtOnce)) {
      await this.deliver(offers);
    }
  }

  /**
   * Fills the offer cache from Postgres when it is new or was wiped. Gateways that looked there meanwhile
   * found nothing, so they are told too; they offer only what an agent does not have.
   */
  async seedOfferCache(): Promise<void> {
    const { store, offerCache, presence, log } = this.#deps;
    if (await offerCache.isSeeded()) return;
    let last: AgentId | null = null;
    let count = 0;
    for (;;) {
      const offers: Offer[] = await store.page(last, batchSize);
      if (offers.length === 0) break;
      const remoteConfigs = await store.remoteConfigs(distinctHashes(offers));
      await this.#cache(offers, remoteConfigs);
      await this.#send(offers, await presence.locate(offers.map(({ agent }) => agent)), remoteConfigs);
      await store.reopen(await store.replaced(offers));
      last = offers.at(-1)!.agent;
      count += offers.length;
    }
    await offerCache.markSeeded();
    log.info({ agents: count }, 'offer cache filled');
  }

  /** Answers the agents for which it must be tried again. */
  async #deliverBatch(agents: readonly AgentId[]): Promise<AgentId[]> {
    const { store, presence, log } = this.#deps;
    const offers = await store.current(agents);
    const remoteConfigs = await store.remoteConfigs(distinctHashes(offers));
    await this.#cache(offers, remoteConfigs);
    const sent = await this.#send(
      offers,
      await presence.locate(offers.map(({ agent }) => agent)),
      remoteConfigs,
    );
    // Whoever moved meanwhile is with another gateway, or offline and served by the cache.
    const moved = offers.filter(({ agent }) => sent.notHeld.has(agent));
    const resent = await this.#send(moved, await presence.locate([...sent.notHeld]), remoteConfigs);
    const unreached = [...sent.unreached, ...resent.unreached];
    if (unreached.length > 0)
      log.warn({ agents: unreached.length }, 'gateways did not take offers; they are tried again');
    return [...new Set([...unreached, ...(await store.replaced(offers))])];
  }

  async #cache(offers: readonly Offer[], remoteConfigs: Map<string, Uint8Array>): Promise<void> {
    const { offerCache } = this.#deps;
    for (const [hash, remoteConfig] of remoteConfigs) await offerCache.putRemoteConfig(hash, remoteConfig);
    await offerCache.setDesired(offers);
  }

  /** One message for each (gateway, config). */
  async #send(
    offers: readonly Offer[],
    holders: Map<AgentId, string>,
    remoteConfigs: Map<string, Uint8Array>,
  ): Promise<{ notHeld: Set<AgentId>; unreached: AgentId[] }> {
    const groups = Map.groupBy(
      offers.filter(({ agent }) => holders.has(agent)),
      ({ agent, hash, retry }) => `${hash} ${retry} ${holders.get(agent)}`,
    );
    const outcomes = await Promise.all(
      [...groups.values()].map((group) =>
        this.#sendGroup(holders.get(group[0]!.agent)!, group, remoteConfigs),
      ),
    );
    return {
      notHeld: new Set(outcomes.flatMap(({ notHeld }) => notHeld)),
      unreached: outcomes.flatMap(({ unreached }) => unreached),
    };
  }

  async #sendGroup(gateway: string, group: readonly Offer[], remoteConfigs: Map<string, Uint8Array>) {
    const agents = group.map(({ agent }) => agent);
    const hash = group[0]!.hash;
    try {
      const receipt = await this.#deps.delivery.deliver(gateway, {
        kind: 'desiredConfig',
        configHash: Buffer.from(hash ?? '', 'hex'),
        remoteConfig: (hash !== null && remoteConfigs.get(hash)) || new Uint8Array(0),
        instanceUids: agentIdsToBytes(agents),
        ...(group[0]!.retry && { retry: true }),
      });
      return { notHeld: agentIdsFromBytes(receipt.notHeld), unreached: [] };
    } catch (error) {
      this.#deps.log.warn({ err: error, gateway }, 'a gateway did not take offers');
      return { notHeld: [], unreached: agents };
    }
  }
}

function distinctHashes(offers: readonly Offer[]): string[] {
  return [...new Set(offers.map(({ hash }) => hash))].filter((hash) => hash !== null);
}
