import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from '../figures.ts';
import { startMuster } from '../muster.ts';
import { startPlain } from '../plain.ts';
import { rowsOf, table } from '../results.ts';
import { chosenStages, runSeries, usualSession } from '../run.ts';
import type { OwnFigure } from './own-figure.ts';

const reportBytes = 2_048;
const mostAgents = 3_000;
const figure = (atMost: number): Figure[] => [
  {
    stage: 'connect',
    metric: 'connect.gatewayCpu',
    label: 'CPU per connect and first report, gateway',
    unit: 'µs',
    goal: { atMost, times: 'plain' },
  },
  { stage: 'connect', metric: 'connect.cpu', label: '  all', unit: 'µs' },
  { stage: 'connect', metric: 'connect.perSecond', label: 'connections per second', unit: '/s' },
];

/** wss with an ECDSA certificate, and the same with client certificates. */
export const tls: OwnFigure = async (options, { print, keep }) => {
  const home = mkdtempSync(join(tmpdir(), 'muster-bench-tls-'));
  try {
    const files = makeCertificates(home);
    const ca = readFileSync(files.ca, 'utf8');
    const client = {
      cert: readFileSync(files.clientCert, 'utf8'),
      key: readFileSync(files.clientKey, 'utf8'),
    };
    for (const mutual of [false, true]) {
      const env = {
        MUSTER_OPAMP_TLS_CERT_FILE: files.cert,
        MUSTER_OPAMP_TLS_KEY_FILE: files.key,
        ...(mutual && { MUSTER_OPAMP_CLIENT_CA_FILE: files.ca }),
      };
      const plainTls = { cert: files.cert, key: files.key, ...(mutual && { clientCa: files.ca }) };
      const runs = await runSeries({
        figure: mutual ? 'mtls' : 'tls',
        mode: 'cluster',
        contenders: [
          { name: 'plain', start: () => startPlain(plainTls) },
          { name: 'muster', start: () => startMuster({ mode: 'cluster', env, scheme: 'wss' }) },
        ],
        stages: chosenStages(['connect']),
        session: {
          ...usualSession(options.quick, Math.min(mostAgents, ...options.agents), reportBytes),
          tls: { ca, ...(mutual && client) },
        },
        rounds: options.rounds,
      });
      print(
        table(
          `${mutual ? 'mTLS' : 'TLS'}, ECDSA P-256, cluster`,
          rowsOf(runs, figure(mutual ? 0.6 : 0.5), reportBytes),
        ),
      );
      keep(runs);
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
};

function makeCertificates(home: string) {
  const at = (name: string) => join(home, name);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=bench authority',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  writeFileSync(at('server.ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  writeFileSync(at('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      ...newKey,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.csr`),
    );
    openssl(
      'x509',
      '-req',
      '-in',
      at(`${name}.csr`),
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      at(`${name}.ext`),
      '-out',
      at(`${name}.pem`),
    );
  }
  return {
    ca: at('ca.pem'),
    cert: at('server.pem'),
    key: at('server.key'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
  };
}
