import { hash, X509Certificate } from 'node:crypto';

/** Who a client is, by its certificate. */
export interface CertificateIdentity {
  /** The only agent it may speak for; null: any. */
  instanceUid: Buffer | null;
  /** Tells clients apart, 32 hex digits: a renewed certificate, whatever its key and serial, is the same client. */
  identity: string;
}

const identitiesKept = 2_000;
const identityDigits = 32;
const clientAuthentication = '1.3.6.1.5.5.7.3.2';
const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Judges certificates of clients: those of TLS connections here, and those that a proxy passes on. */
export class ClientCertificates {
  readonly #authorities: readonly X509Certificate[];
  readonly #now: () => number;
  /** Agents come back, and some share a certificate, and reading one takes 50 µs. */
  readonly #verified = new Map<string, CertificateIdentity>();

  /** `authorities`: who signs certificates of agents; each of them is trusted by itself. */
  constructor(authorities: readonly X509Certificate[], now: () => number = Date.now) {
    this.#authorities = authorities;
    this.#now = now;
  }

  /** Who the client is whose certificate (PEM) the TLS handshake has verified. */
  verified(pem: string): CertificateIdentity {
    const known = this.#verified.get(pem);
    if (known) return known;
    const identity = identityOf(new X509Certificate(pem));
    if (this.#verified.size >= identitiesKept) this.#verified.clear();
    this.#verified.set(pem, identity);
    return identity;
  }

  /**
   * Who the client is whose certificate (PEM) somebody passed on who has seen that the client has its key;
   * null: it is not one of ours, or not valid now.
   */
  verify(pem: string): CertificateIdentity | null {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(pem);
    } catch {
      return null;
    }
    const now = this.#now();
    if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now) return null;
    // Node names the extended key usage so; undefined: there is none, and every use is allowed.
    const uses = certificate.keyUsage as string[] | undefined;
    if (uses !== undefined && !uses.includes(clientAuthentication)) return null;
    const isOurs = this.#authorities.some((authority) => isSignedBy(certificate, authority, now));
    return isOurs ? identityOf(certificate) : null;
  }
}

function isSignedBy(certificate: X509Certificate, authority: X509Certificate, now: number): boolean {
  return (
    authority.ca &&
    Date.parse(authority.validTo) >= now &&
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey)
  );
}

function identityOf(certificate: X509Certificate): CertificateIdentity {
  const instanceUid = instanceUidIn(certificate);
  const names = instanceUid === null ? namesIn(certificate) : `uid:${instanceUid.toString('hex')}`;
  return { instanceUid, identity: hash('sha256', names, 'hex').slice(0, identityDigits) };
}

/** What a certificate calls its holder, without addresses, which change; its key when it says nothing. */
function namesIn(certificate: X509Certificate): string {
  const alternatives = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => !name.startsWith('IP '));
  const names = [certificate.subject ?? '', ...alternatives.sort()].filter((name) => name !== '');
  if (names.length > 0) return `names:${names.join('\n')}`;
  return `key:${certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('hex')}`;
}

/** The uid that a certificate names as `urn:uuid:` among its alternative names, or as its common name. */
function instanceUidIn(certificate: X509Certificate): Buffer | null {
  const names = (certificate.subjectAltName ?? '').split(', ');
  const urn = names.map((name) => /^URI:urn:uuid:(.*)$/i.exec(name)?.[1]).find((text) => text !== undefined);
  const commonName = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  const text = [urn, commonName].find((name) => name !== undefined && uuid.test(name));
  return text === undefined ? null : Buffer.from(text.replaceAll('-', ''), 'hex');
}

/**
 * The certificate (PEM) that a proxy that ends TLS passes on in a header: Envoy's X-Forwarded-Client-Cert, of
 * which the last element is the nearest proxy's (those before it may be anybody's), or an escaped PEM, as
 * nginx writes it. Empty: there is none.
 */
export function forwardedCertificate(header: string): string {
  const elements = header.match(/(?:"[^"]*"|[^",])+/g) ?? [];
  const isEnvoys = /^\s*(?:By|Hash|Cert|Chain|Subject|URI|DNS)=/i.test(elements.at(-1) ?? '');
  const escaped = isEnvoys ? /(?:^|;)\s*Cert="([^"]*)"/i.exec(elements.at(-1)!)?.[1] : header;
  try {
    return decodeURIComponent(escaped ?? '');
  } catch {
    return '';
  }
}
