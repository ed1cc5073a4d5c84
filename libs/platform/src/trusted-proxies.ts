import { BlockList, isIP } from 'node:net';
import { plainAddress } from './remote-address.ts';

/** What is known of where a request comes from. Each may be empty. */
export interface Provenance {
  /** The other end of the TCP connection. */
  peer: string;
  /** The source of a PROXY protocol header. */
  proxied: string;
  /** The header X-Forwarded-For. */
  forwardedFor: string;
}

/** Addresses whose word is taken for who is behind them. */
export class TrustedProxies {
  readonly #list: BlockList | null;

  /** `networks`: addresses or CIDR. */
  constructor(networks: readonly string[]) {
    this.#list = networks.length === 0 ? null : new BlockList();
    for (const network of networks) {
      const [address, prefix] = network.split('/') as [string, string?];
      const family = familyOf(address);
      if (prefix === undefined) this.#list!.addAddress(address, family);
      else this.#list!.addSubnet(address, Number(prefix), family);
    }
  }

  /** True when nobody is trusted: then nothing but the peer counts. */
  get none(): boolean {
    return this.#list === null;
  }

  trusts(address: string): boolean {
    return this.#list !== null && isIP(address) !== 0 && this.#list.check(address, familyOf(address));
  }

  /**
   * The client's address: that of the peer, unless it is a trusted proxy; then what that says, by PROXY
   * protocol or as the last of X-Forwarded-For, and so on for as long as proxies are trusted.
   */
  clientOf({ peer, proxied, forwardedFor }: Provenance): string {
    let client = plainAddress(peer);
    if (!this.trusts(client)) return client;
    const said = [...forwardedFor.split(','), proxied].map((text) => plainAddress(text.trim()));
    for (const address of said.toReversed()) {
      if (address === '') continue;
      if (isIP(address) === 0) break;
      client = address;
      if (!this.trusts(client)) break;
    }
    return client;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
