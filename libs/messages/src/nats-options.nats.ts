import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type ConnectionOptions,
  type TlsOptions,
} from '@nats-io/transport-node';
import {
  UnusableFile,
  assertCertificates,
  assertKeyPair,
  readCredentialFile,
} from '@muster/platform/credential-files';
import { BusUnavailable } from './errors.ts';

/** Where NATS is and who connects. Files are read again at every reconnect: they may be renewed. */
export interface NatsAccess {
  /** nats:// or tls:// servers of one cluster with commas between, [user:password@], [token@] or [nkey seed@]. */
  url: string;
  /** PEM certificates of the authorities that servers must have theirs from; else those of the system. */
  caFile?: string | undefined;
  /** PEM certificate and key that a server may ask for. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
  /** A `.creds` file (JWT and seed), or an nkey seed alone. */
  credentialsFile?: string | undefined;
}

const seedShape = /^SU[A-Z2-7]{56}$/;

/**
 * What the client library needs to connect, and the servers without what must not be logged. TLS is asked of all
 * servers as soon as one is given as tls:// or a file for TLS is set.
 *
 * @throws BusUnavailable for a URL, UnusableFile for a file that cannot be used
 */
export function readNatsAccess(
  access: NatsAccess,
): Pick<ConnectionOptions, 'authenticator' | 'tls'> & { servers: string[] } {
  const urls = readServers(access.url);
  const authenticator = authenticate(urls, access.credentialsFile);
  const tls = readTls(access, urls);
  return {
    servers: urls.map(({ protocol, host }) => `${protocol}//${host}`),
    ...(authenticator && { authenticator }),
    ...(tls && { tls }),
  };
}

/** One without a scheme has that of the one before it. */
function readServers(text: string): URL[] {
  const urls: URL[] = [];
  for (const item of text.split(',').map((one) => one.trim())) {
    const scheme = urls.at(-1)?.protocol;
    const full = scheme && !item.includes('://') ? `${scheme}//${item}` : item;
    const url = URL.canParse(full) ? new URL(full) : null;
    if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
      throw new BusUnavailable(
        `MUSTER_NATS_URL is not a URL such as nats://host:4222, or several with commas between: number ${urls.length + 1} cannot be read`,
      );
    }
    urls.push(url);
  }
  return urls;
}

function authenticate(urls: URL[], credentialsFile: string | undefined): Authenticator | undefined {
  const given = urls.filter(({ username, password }) => username !== '' || password !== '');
  if (credentialsFile !== undefined) {
    if (given.length > 0) {
      throw new BusUnavailable(
        'MUSTER_NATS_URL holds a user while MUSTER_NATS_CREDENTIALS_FILE is set: keep one of them',
      );
    }
    return fromFile(credentialsFile);
  }
  const [first, ...others] = given;
  if (first === undefined) return undefined;
  if (others.some(({ username, password }) => username !== first.username || password !== first.password)) {
    throw new BusUnavailable(
      'MUSTER_NATS_URL holds different users: the servers of one cluster share theirs, and a comma in a password is written %2C',
    );
  }
  const [user, password] = decoded(first);
  if (password !== '') return usernamePasswordAuthenticator(user, password);
  return seedShape.test(user) ? nkeyAuthenticator(Buffer.from(user)) : tokenAuthenticator(user);
}

function decoded({ username, password }: URL): [user: string, password: string] {
  try {
    return [decodeURIComponent(username), decodeURIComponent(password)];
  } catch {
    throw new BusUnavailable(
      'MUSTER_NATS_URL holds a user or password with a % that is no percent-encoding: write it as %25',
    );
  }
}

/** Reads the file at each connect; while it cannot be read, what it held last counts. */
function fromFile(path: string): Authenticator {
  let last = readCredentials(path);
  return (nonce) => {
    try {
      last = readCredentials(path);
    } catch {
      // It is being replaced.
    }
    return last(nonce);
  };
}

function readCredentials(path: string): Authenticator {
  const content = readCredentialFile('MUSTER_NATS_CREDENTIALS_FILE', path);
  const text = content.toString('latin1').trim();
  const authenticator = seedShape.test(text)
    ? nkeyAuthenticator(Buffer.from(text))
    : credsAuthenticator(content);
  try {
    authenticator('nonce');
  } catch {
    throw new UnusableFile(
      `MUSTER_NATS_CREDENTIALS_FILE ${path} holds neither a JWT with its seed (.creds) nor an nkey seed: nsc generate creds makes one`,
    );
  }
  return authenticator;
}

function readTls(access: NatsAccess, urls: URL[]): TlsOptions | null {
  const { caFile, certFile, keyFile } = access;
  if (caFile !== undefined) assertCertificates('MUSTER_NATS_CA_FILE', caFile);
  if (certFile !== undefined && keyFile !== undefined) {
    assertKeyPair(
      { of: 'MUSTER_NATS_CERT_FILE', path: certFile },
      { of: 'MUSTER_NATS_KEY_FILE', path: keyFile },
    );
  } else if (certFile !== undefined || keyFile !== undefined) {
    throw new UnusableFile(
      'MUSTER_NATS_CERT_FILE and MUSTER_NATS_KEY_FILE are of use together only: set both',
    );
  }
  const files = { ...(caFile && { caFile }), ...(certFile && keyFile && { certFile, keyFile }) };
  const wanted = Object.keys(files).length > 0 || urls.some(({ protocol }) => protocol === 'tls:');
  // The library gives a socket no name to check when a server is given by its address.
  return wanted ? { ...files, ...serverIdentity(urls) } : null;
}

/** A server must be one of those that were named, wherever its cluster says that it can be reached. */
function serverIdentity(urls: URL[]): object {
  const named = urls.map(({ hostname }) => hostname.replace(/^\[|\]$/g, ''));
  return {
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => {
      const mismatches = named.map((host) => checkServerIdentity(host, certificate));
      return mismatches.includes(undefined) ? undefined : mismatches[0];
    },
  };
}
