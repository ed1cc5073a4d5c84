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
    ['MUSTER_NATS_URL', 'http://x', 'MUSTER_NATS_URL must be a nats:// or tls:// URL'],
    ['MUSTER_LOG_LEVEL', 'loud', 'MUSTER_LOG_LEVEL must be trace, debug, info, warn, error or silent'],
  ] as const)('refuses %s=%s and says why', (name, value, message) => {
    expect(() => readSettings([name], { [name]: value })).toThrow(new InvalidSetting(message));
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
