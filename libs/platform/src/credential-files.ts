import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A file with certificates, a key or credentials cannot be used. The message names setting, path, cause and way out. */
export class UnusableFile extends Error {
  readonly code = 'unusable-file';
}

/** What is in a file. `of`: the setting or parameter that names it. @throws UnusableFile */
export function readCredentialFile(of: string, path: string): Buffer {
  try {
    const content = readFileSync(path);
    if (content.length > 0) return content;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new UnusableFile(
      `${of} ${path} ${causes[code] ?? `cannot be read (${code})`}: set it to a file that this process may read`,
    );
  }
  throw new UnusableFile(`${of} ${path} is empty`);
}

const causes: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a directory',
};

/** Throws unless the file holds certificates as PEM, each of which can be read. @throws UnusableFile */
export function assertCertificates(of: string, path: string): void {
  const text = readCredentialFile(of, path).toString('latin1');
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new UnusableFile(`${of} ${path} holds no certificate: it must be PEM`);
  for (const block of blocks) {
    try {
      void new X509Certificate(block);
    } catch {
      throw new UnusableFile(`${of} ${path} holds a certificate that cannot be read`);
    }
  }
}

/** Throws unless the key belongs to the first certificate of the other file. @throws UnusableFile */
export function assertKeyPair(cert: { of: string; path: string }, key: { of: string; path: string }): void {
  assertCertificates(cert.of, cert.path);
  const certificate = new X509Certificate(readCredentialFile(cert.of, cert.path));
  const pem = readCredentialFile(key.of, key.path);
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    throw new UnusableFile(
      `${key.of} ${key.path} holds no private key that can be used: it must be PEM, without a passphrase`,
    );
  }
  if (!matches) {
    throw new UnusableFile(
      `${key.of} ${key.path} is not the key of the certificate in ${cert.of} ${cert.path}: set both to files that were made together`,
    );
  }
}
