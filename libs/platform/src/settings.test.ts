import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeSettings, InvalidSetting, readSettings } from './settings.ts';

describe('readSettings', () => {
  it('falls back where a variable is missing or empty', () => {
    expect(readSettings(['MUSTER_OPAMP_PORT', 'MUSTER_HOST'], { MUSTER_OPAMP_PORT: '' })).toEqual({
      MUSTER_OPAMP_PORT: 4320,
      MUSTER_HOST: '127.0.0.1',
    });
  });

  it.each([
    ['MUSTER_OPAMP_PORT', '99999', 'MUSTER_OPAMP_PORT must be a whole number from 0 to 65535'],
    ['MUSTER_OPAMP_PORT', 'http', 'MUSTER_OPAMP_PORT must be a whole number from 0 to 65535'],
    ['MUSTER_HOST', 'a b', 'MUSTER_HOST must be a host name or an IP address to listen on'],
    [
      'MUSTER_NATS_URL',
      'http://x',
      'MUSTER_NATS_URL must be a nats:// or tls:// URL, or several with commas between',
    ],
    [
      'MUSTER_NATS_URL',
      'nats://a:4222,,nats://b:4222',
      'MUSTER_NATS_URL must be a nats:// or tls:// URL, or several with commas between',
    ],
    [
      'MUSTER_NATS_URL',
      'nats://a:4222,http://b',
      'MUSTER_NATS_URL must be a nats:// or tls:// URL, or several with commas between',
    ],
    ['MUSTER_NATS_REPLICAS', '2', 'MUSTER_NATS_REPLICAS must be 1, 3 or 5'],
    [
      'MUSTER_NATS_REPORTS_BYTES',
      '1GB',
      'MUSTER_NATS_REPORTS_BYTES must be a whole number from 4194304 to 1099511627776',
    ],
    [
      'MUSTER_REDIS_URL',
      'redis-sentinel://a:26379/mymaster',
      'MUSTER_REDIS_URL must be a redis:// or rediss:// URL: Sentinel is not supported; give the address that always leads to the primary, of a proxy or a Service',
    ],
    [
      'MUSTER_REDIS_URL',
      'redis://a:6379,redis://b:6379',
      'MUSTER_REDIS_URL must be one redis:// or rediss:// URL, not a list: give the address that always leads to the primary',
    ],
    ['MUSTER_LOG_LEVEL', 'loud', 'MUSTER_LOG_LEVEL must be trace, debug, info, warn, error or silent'],
  ] as const)('refuses %s=%s and says why', (name, value, message) => {
    expect(() => readSettings([name], { [name]: value })).toThrow(new InvalidSetting(message));
  });

  it.each([
    'nats://a:4222',
    'nats://a:4222,nats://b:4222',
    'nats://u:p@a:4222, tls://b:4222,tls://[fd00::1]:4222',
    'nats://a:4222,b:4222',
  ])('takes %s for NATS', (url) => {
    expect(readSettings(['MUSTER_NATS_URL'], { MUSTER_NATS_URL: url }).MUSTER_NATS_URL).toBe(url);
  });

  it('names a required setting that is missing', () => {
    expect(() => readSettings(['MUSTER_DATABASE_URL'], {})).toThrow(
      'MUSTER_DATABASE_URL is missing: set it to a postgres:// or postgresql:// URL',
    );
  });

  it.each([
    ['MUSTER_HSOT', 'MUSTER_HOST'],
    ['MUSTER_PORT', 'MUSTER_API_PORT'],
    ['MUSTER_DATABASE', 'MUSTER_DATABASE_URL'],
    ['MUSTER_DATADIR', 'MUSTER_DATA_DIR'],
    ['MUSTER_ENROLMENT_TOKEN', 'MUSTER_ENROLLMENT_TOKEN'],
    ['MUSTER_TLS_KEY_FILE', 'MUSTER_OPAMP_TLS_KEY_FILE'],
    ['MUSTER_log_level', 'MUSTER_LOG_LEVEL'],
  ])('refuses %s and names %s', (misspelt, meant) => {
    expect(() => readSettings(['MUSTER_HOST'], { [misspelt]: 'x' })).toThrow(
      new InvalidSetting(
        `${misspelt} is not a setting of Muster: did you mean ${meant}? docs/settings.md lists them`,
      ),
    );
  });

  const names = describeSettings()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('MUSTER_'));

  it('names the setting that was meant, whatever letter is wrong', () => {
    const edit = fc.record({
      name: fc.constantFrom(...names),
      at: fc.nat(),
      kind: fc.constantFrom('drop', 'add', 'change', 'swap'),
      letter: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'),
    });
    fc.assert(
      fc.property(edit, ({ name, at, kind, letter }) => {
        const from = 'MUSTER_'.length;
        const i = from + (at % (name.length - from));
        const [before, here, after] = [name.slice(0, i), name[i]!, name.slice(i + 1)];
        const misspelt = {
          drop: before + after,
          add: before + letter + here + after,
          change: before + letter + after,
          swap: before + after.slice(0, 1) + here + after.slice(1),
        }[kind]!;
        fc.pre(!names.includes(misspelt) && misspelt.length > from);
        expect(() => readSettings([], { [misspelt]: 'x' })).toThrow(`did you mean ${name}?`);
      }),
    );
  });

  /** What a kubelet makes for a Service: k8s.io/kubernetes/pkg/kubelet/envvars. */
  function serviceVariables({ name, host, ports }: Service): Record<string, string> {
    const prefix = name.toUpperCase().replaceAll('-', '_');
    const first = ports[0]!;
    const url = ({ port, protocol }: Service['ports'][0]) =>
      `${protocol.toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    const variables: Record<string, string> = {
      [`${prefix}_SERVICE_HOST`]: host,
      [`${prefix}_SERVICE_PORT`]: String(first.port),
      [`${prefix}_PORT`]: url(first),
    };
    for (const port of ports) {
      const one = `${prefix}_PORT_${port.port}_${port.protocol}`;
      if (port.name) {
        variables[`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`] = String(
          port.port,
        );
      }
      variables[one] = url(port);
      variables[`${one}_PROTO`] = port.protocol.toLowerCase();
      variables[`${one}_PORT`] = String(port.port);
      variables[`${one}_ADDR`] = host;
    }
    return variables;
  }
  interface Service {
    name: string;
    host: string;
    ports: { name: string; port: number; protocol: 'TCP' | 'UDP' | 'SCTP' }[];
  }
  const ownPorts = ['MUSTER_API_PORT', 'MUSTER_OPAMP_PORT', 'MUSTER_PROBE_PORT'] as const;
  const service: fc.Arbitrary<Service> = fc.record({
    name: fc.oneof(
      fc.constantFrom('muster', 'muster-rw', 'muster-api', 'muster-opamp', 'muster-probe', 'muster-service'),
      fc.stringMatching(/^muster(-[a-z0-9]{1,8}){0,3}$/),
    ),
    host: fc.oneof(fc.ipV4(), fc.ipV6()),
    ports: fc.array(
      fc.record({
        name: fc.oneof(fc.constant(''), fc.stringMatching(/^[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?$/)),
        port: fc.integer({ min: 1, max: 65_535 }),
        protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  });

  it('leaves alone what Kubernetes makes for the services beside it', () => {
    fc.assert(
      fc.property(fc.array(service, { maxLength: 4 }), (services) => {
        const variables = Object.assign({}, ...services.map(serviceVariables));
        expect(readSettings(ownPorts, { ...variables, MUSTER_HOST: '0.0.0.0' })).toEqual(
          readSettings(ownPorts, {}),
        );
      }),
    );
  });

  it('refuses any one of those that comes alone', () => {
    fc.assert(
      fc.property(service, fc.nat(), (one, at) => {
        const variables = Object.entries(serviceVariables(one));
        const [name, value] = variables[at % variables.length]!;
        expect(() => readSettings(ownPorts, { [name]: value })).toThrow(new RegExp(`^${name} `));
      }),
    );
  });

  it('takes a port that somebody sets for one of its own beside such a service', () => {
    const variables = serviceVariables({
      name: 'muster-api',
      host: '10.0.0.1',
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    });
    const settings = readSettings(ownPorts, { ...variables, MUSTER_API_PORT: '8080' });
    expect(settings.MUSTER_API_PORT).toBe(8080);
    expect(() => readSettings(ownPorts, { ...variables, MUSTER_API_PORT: 'http' })).toThrow(
      /MUSTER_API_PORT must be/,
    );
  });

  it('keeps the mistake of a person one', () => {
    expect(() => readSettings(ownPorts, { MUSTER_API_PORT: 'tcp://127.0.0.1:80' })).toThrow(
      'MUSTER_API_PORT must be a whole number from 0 to 65535',
    );
  });

  it('never repeats the value of a secret', () => {
    expect(() => readSettings(['MUSTER_ADMIN_TOKEN'], { MUSTER_ADMIN_TOKEN: 'short' })).toThrow(
      'MUSTER_ADMIN_TOKEN must have at least 16 characters',
    );
  });
});

it('every setting says what it is for', () => {
  for (const { meaning } of describeSettings()) expect(meaning).not.toBe('');
});
