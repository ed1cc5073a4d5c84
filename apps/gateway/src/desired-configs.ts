import type { OfferCache } from '@muster/configs/offer-cache';
import { RemoteConfigOffer } from '@muster/opamp/server-to-agent';
import { serverCapabilities } from './server-capabilities.ts';

/** A configuration that agents should have: one object for all of them. */
export interface DesiredConfig {
  /** config_hash. */
  readonly hash: Buffer;
  /** Ready to send; null until loaded, and again when it was not used for long. */
  offer: RemoteConfigOffer | null;
  /** Unix milliseconds before which it is not looked for again: it was not there. */
  missingUntil: number;
}

const lookAgainAfterMs = 5_000;
const bytesKept = 64 * 1024 * 1024;
const configsKept = 10_000;

/** The configurations this gateway offers, by hash; the encoded ones that were used last stay in memory. */
export class DesiredConfigs {
  readonly #offerCache: OfferCache;
  /** In the order of last use. */
  readonly #byHash = new Map<string, DesiredConfig>();
  readonly #loading = new Map<string, Promise<void>>();
  #bytes = 0;

  constructor(offerCache: OfferCache) {
    this.#offerCache = offerCache;
  }

  /** The one object for `hash` (hex). */
  find(hash: string): DesiredConfig {
    const known = this.#byHash.get(hash) ?? { hash: Buffer.from(hash, 'hex'), offer: null, missingUntil: 0 };
    this.#byHash.delete(hash);
    this.#byHash.set(hash, known);
    this.#forgetUnused();
    return known;
  }

  /** Takes the encoded AgentRemoteConfig of a config that came with an order. */
  put(hash: string, remoteConfig: Uint8Array): DesiredConfig {
    const config = this.find(hash);
    if (config.offer === null) this.#keep(config, remoteConfig);
    return config;
  }

  /** Loads what is to be sent. It stays unloaded when the cache does not have it (any more) or cannot be reached. */
  async load(config: DesiredConfig): Promise<void> {
    if (config.offer !== null || config.missingUntil > Date.now()) return;
    const hash = config.hash.toString('hex');
    const loading = this.#loading.get(hash) ?? this.#load(hash);
    this.#loading.set(hash, loading);
    await loading;
    // An agent may hold an object that was forgotten here meanwhile.
    config.offer ??= this.find(hash).offer;
    if (config.offer === null) config.missingUntil = Date.now() + lookAgainAfterMs;
  }

  async #load(hash: string): Promise<void> {
    try {
      const remoteConfig = await this.#offerCache.remoteConfig(hash);
      if (remoteConfig !== null) this.put(hash, remoteConfig);
    } catch {
      // Its agents' messages try again after a while.
    } finally {
      this.#loading.delete(hash);
    }
  }

  #keep(config: DesiredConfig, remoteConfig: Uint8Array): void {
    config.offer = new RemoteConfigOffer(remoteConfig, serverCapabilities);
    this.#bytes += config.offer.size;
    this.#forgetUnused();
  }

  #forgetUnused(): void {
    for (const [hash, config] of this.#byHash) {
      if (this.#byHash.size === 1) return;
      if (this.#bytes <= bytesKept && this.#byHash.size <= configsKept) return;
      this.#byHash.delete(hash);
      this.#bytes -= config.offer?.size ?? 0;
      config.offer = null;
    }
  }
}
