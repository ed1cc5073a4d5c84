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

  it('refuses a misspelt variable', () => {
    expect(() => readSettings(['MUSTER_HOST'], { MUSTER_HSOT: 'x' })).toThrow(/MUSTER_HSOT is not a setting/);
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
