import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';

/** TLS cannot be served with these files. The message names the setting, the cause and the way out. */
export class TlsUnusable extends Error {
  readonly code = 'tls-unusable';
}

/** Where the files are, as set. */
export interface TlsPaths {
  certFile: string;
  keyFile: string;
  /** Certificates of authorities whose clients are let in; null: certificates of clients are not asked for. */
  clientCaFile: string | null;
}

/** Files that belong together, by the names they have behind symbolic links, and what is to be said of them. */
export interface TlsFiles extends TlsPaths {
  /** Changes with what is in the files. */
  version: string;
  notAfter: Date;
  warnings: string[];
}

const settingOf = {
  certFile: 'MUSTER_OPAMP_TLS_CERT_FILE',
  keyFile: 'MUSTER_OPAMP_TLS_KEY_FILE',
  clientCaFile: 'MUSTER_OPAMP_CLIENT_CA_FILE',
} as const;
const warnBeforeMs = 14 * 24 * 3_600_000;

/** Reads and checks the files. @throws TlsUnusable */
export async function readTlsFiles(paths: TlsPaths, now = Date.now()): Promise<TlsFiles> {
  const certFile = await locate('certFile', paths.certFile);
  const keyFile = await locate('keyFile', paths.keyFile);
  const clientCaFile = paths.clientCaFile === null ? null : await locate('clientCaFile', paths.clientCaFile);
  const [cert, key, clientCa] = await Promise.all([
    readFile(certFile),
    readFile(keyFile),
    clientCaFile === null ? Buffer.alloc(0) : readFile(clientCaFile),
  ]);
  const certificate = certificateIn(cert, paths.certFile);
  assertKeyMatches(certificate, key, paths);
  if (paths.clientCaFile !== null) readAuthorities(clientCa, paths.clientCaFile);
  return {
    certFile,
    keyFile,
    clientCaFile,
    version: createHash('sha256').update(cert).update(key).update(clientCa).digest('hex'),
    notAfter: new Date(certificate.validTo),
    warnings: warningsOf(certificate, now),
  };
}

/** A cheap sign that the files may have changed: what their names stand for, and when it was written. */
export async function signOf(paths: TlsPaths): Promise<string> {
  const names = [paths.certFile, paths.keyFile, paths.clientCaFile].filter((name) => name !== null);
  const signs = names.map(async (name) => {
    try {
      const { ino, mtimeMs, size } = await stat(name);
      return [await realpath(name), ino, mtimeMs, size].join(' ');
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  });
  return (await Promise.all(signs)).join('\n');
}

/** The certificates of authorities in a file, by its path as set. @throws TlsUnusable */
export async function authoritiesIn(path: string): Promise<X509Certificate[]> {
  return readAuthorities(await readFile(await locate('clientCaFile', path)), path);
}

function readAuthorities(pem: Uint8Array, path: string): X509Certificate[] {
  const blocks = Buffer.from(pem).toString('latin1').match(pemCertificate) ?? [];
  const certificates = blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new TlsUnusable(`${settingOf.clientCaFile} ${path} holds a certificate that cannot be read`);
    }
  });
  if (certificates.length === 0) {
    throw new TlsUnusable(
      `${settingOf.clientCaFile} ${path} holds no certificate: it must be PEM, with the authorities that sign certificates of agents`,
    );
  }
  return certificates;
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

async function locate(which: keyof typeof settingOf, path: string): Promise<string> {
  try {
    const name = await realpath(path);
    // Reading tells more than looking: a directory, a file of somebody else.
    await readFile(name);
    return name;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new TlsUnusable(
      `${settingOf[which]} ${path} cannot be read (${code}): set it to a PEM file that this process may read`,
    );
  }
}

function certificateIn(pem: Buffer, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new TlsUnusable(
      `${settingOf.certFile} ${path} holds no certificate: it must be PEM, the server's own first and its chain after`,
    );
  }
}

function assertKeyMatches(certificate: X509Certificate, key: Buffer, { certFile, keyFile }: TlsPaths): void {
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new TlsUnusable(
      `${settingOf.keyFile} ${keyFile} holds no private key that can be used: it must be PEM, without a passphrase`,
    );
  }
  if (!matches) {
    throw new TlsUnusable(
      `${settingOf.keyFile} ${keyFile} is not the key of the certificate in ${settingOf.certFile} ${certFile}: set both to files that were made together`,
    );
  }
}

function warningsOf(certificate: X509Certificate, now: number): string[] {
  const warnings: string[] = [];
  const notAfter = Date.parse(certificate.validTo);
  if (notAfter <= now)
    warnings.push(`the certificate expired on ${certificate.validTo}: agents will refuse it`);
  else if (notAfter - now < warnBeforeMs) warnings.push(`the certificate expires on ${certificate.validTo}`);
  if (Date.parse(certificate.validFrom) > now)
    warnings.push(`the certificate is not valid before ${certificate.validFrom}: agents will refuse it`);
  if (certificate.publicKey.asymmetricKeyType === 'rsa')
    warnings.push(
      'the certificate has an RSA key, which makes connects about four times as costly: use ECDSA P-256',
    );
  return warnings;
}
