import { UnusableFile, assertCertificates, assertKeyPair } from '@muster/platform/credential-files';
import { DatabaseUnusable } from './errors.ts';

/** What `sslmode` may be. All that encrypt check certificate and host name, but `no-verify`. */
const modes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
const setting = 'MUSTER_DATABASE_URL';

/**
 * A database URL as the driver takes it. Certificates that it names are looked at; `sslmode` that would have the
 * driver warn is written as what the driver does for it, `verify-full`, unless `uselibpqcompat=true` asks for libpq's
 * meaning.
 *
 * @throws DatabaseUnusable, UnusableFile
 */
export function readDatabaseUrl(text: string): string {
  if (!URL.canParse(text))
    throw new DatabaseUnusable(`${setting} is not a URL such as postgres://host:5432/database`);
  const url = new URL(text);
  const { searchParams: parameters } = url;
  const mode = parameters.get('sslmode');
  if (mode !== null && !modes.includes(mode)) {
    throw new DatabaseUnusable(
      `${setting}: sslmode is none of ${modes.join(', ')}; verify-full with sslrootcert is what you want`,
    );
  }
  // libpq's word for the authorities of the system, which count by themselves.
  const ofSystem = parameters.get('sslrootcert') === 'system';
  if (ofSystem) parameters.delete('sslrootcert');
  const file = (name: string) => parameters.get(name) || null;
  const [root, cert, key] = [file('sslrootcert'), file('sslcert'), file('sslkey')];
  if (root !== null) assertCertificates(`${setting}: sslrootcert`, root);
  if (cert !== null && key !== null) {
    assertKeyPair({ of: `${setting}: sslcert`, path: cert }, { of: `${setting}: sslkey`, path: key });
  } else if (cert !== null || key !== null) {
    throw new UnusableFile(`${setting}: sslcert and sslkey are of use together only: give both`);
  }
  const warned =
    mode !== null &&
    ['prefer', 'require', 'verify-ca'].includes(mode) &&
    parameters.get('uselibpqcompat') !== 'true';
  if (warned) parameters.set('sslmode', 'verify-full');
  return warned || ofSystem ? url.href : text;
}

/** Why the database cannot be reached, with the way out: one line, without what must not be logged. */
export function unreachableInWords(text: string, error: unknown): string {
  const cause = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const { message, code } = cause as { message?: string; code?: string };
  const wayOut = untrusted.includes(code ?? '')
    ? '; name the authority of its certificate with ?sslmode=verify-full&sslrootcert=/path/ca.pem'
    : '';
  const { host } = new URL(text);
  return `PostgreSQL at ${host} (${setting}) cannot be reached: ${(message || String(cause)).split('\n')[0]}${wayOut}`;
}

/** What OpenSSL says of a certificate that no known authority has signed. */
const untrusted = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
];
