import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { CertificateIdentity, ClientCertificates } from './client-certificates.ts';
import { forwardedCertificate } from './client-certificates.ts';
import { plainAddress } from '@muster/platform/remote-address';
import type { TrustedProxies } from '@muster/platform/trusted-proxies';

/** Who comes in with a request, before any credential is looked at. */
export interface Arrival {
  remoteAddress: string;
  /** Null: the client has shown no certificate of ours. */
  certificate: CertificateIdentity | null;
}

export interface ArrivalsOptions {
  proxies: TrustedProxies;
  /** Null: certificates of clients count nothing. */
  certificates: ClientCertificates | null;
  /** TLS ends here, and has asked for a certificate. */
  tlsAsks: boolean;
  /** Name of the header in which trusted proxies pass a certificate on, lower case; empty: none. */
  certificateHeader: string;
}

/** The package's types lack this: the certificate that the handshake verified, as PEM; empty: none. */
type TlsResponse = HttpResponse & { getX509Certificate(): string };

/**
 * Finds out who comes in. What proxies say counts only from trusted addresses; µWebSockets reads a PROXY
 * protocol header from anybody, so it is ignored here.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** Must be called in the turn the request came. */
  of(response: HttpResponse, request: HttpRequest): Arrival {
    const { proxies } = this.#options;
    const peer = text(response.getRemoteAddressAsText());
    if (proxies.none) return { remoteAddress: plainAddress(peer), certificate: this.#shownHere(response) };
    const proxied = text(response.getProxiedRemoteAddressAsText());
    const forwardedFor = request.getHeader('x-forwarded-for');
    return {
      remoteAddress: proxies.clientOf({ peer, proxied, forwardedFor }),
      certificate: this.#passedOn(peer, request) ?? this.#shownHere(response),
    };
  }

  #shownHere(response: HttpResponse): CertificateIdentity | null {
    const { certificates, tlsAsks } = this.#options;
    if (certificates === null || !tlsAsks) return null;
    const pem = (response as TlsResponse).getX509Certificate();
    return pem === '' ? null : certificates.verified(pem);
  }

  #passedOn(peer: string, request: HttpRequest): CertificateIdentity | null {
    const { certificates, certificateHeader, proxies } = this.#options;
    if (certificates === null || certificateHeader === '' || !proxies.trusts(plainAddress(peer))) return null;
    const pem = forwardedCertificate(request.getHeader(certificateHeader));
    return pem === '' ? null : certificates.verify(pem);
  }
}

function text(address: ArrayBuffer): string {
  return Buffer.from(address).toString();
}
