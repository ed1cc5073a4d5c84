import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  certFile: string;
  keyFile: string;
  cert: string;
  key: string;
}

/** Makes certificates for tests with the system's openssl, in a directory of their own or in `directory`. */
export class TestAuthority {
  readonly directory: string;
  readonly file: string;
  readonly #keyFile: string;
  #made = 0;

  constructor(name = 'ca', directory = mkdtempSync(join(tmpdir(), 'muster-tls-'))) {
    this.directory = directory;
    this.file = join(directory, `${name}.pem`);
    this.#keyFile = join(directory, `${name}.key`);
    makeKey(this.#keyFile, ecdsa);
    openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      this.#keyFile,
      '-subj',
      `/CN=${name}`,
      '-days',
      '30',
      '-out',
      this.file,
    );
  }

  get pem(): string {
    return readFileSync(this.file, 'utf8');
  }

  /**
   * A certificate for `commonName` with these alternative names, and further extensions as openssl names them. `file`:
   * what its files are called.
   */
  issue(
    commonName: string,
    altName = 'IP:127.0.0.1,DNS:localhost',
    { extensions = '', rsa = false, file = String((this.#made += 1)) } = {},
  ): TestCertificate {
    const base = join(this.directory, file);
    const [certFile, keyFile] = [`${base}.pem`, `${base}.key`];
    makeKey(keyFile, rsa ? ['-algorithm', 'RSA'] : ecdsa);
    openssl('req', '-new', '-key', keyFile, '-subj', `/CN=${commonName}`, '-out', `${base}.csr`);
    writeFileSync(`${base}.ext`, `subjectAltName=${altName}\n${extensions}\n`);
    const signer = ['-CA', this.file, '-CAkey', this.#keyFile, '-CAcreateserial', '-days', '29'];
    openssl('x509', '-req', '-in', `${base}.csr`, ...signer, '-extfile', `${base}.ext`, '-out', certFile);
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }
}

const ecdsa = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];

function makeKey(file: string, algorithm: string[]): void {
  openssl('genpkey', ...algorithm, '-out', file);
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
