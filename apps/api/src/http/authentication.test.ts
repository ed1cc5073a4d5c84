import { describe, expect, it } from 'vitest';
import { isCrossOrigin, readSessionCookie, sessionCookieHeader } from './authentication.ts';

describe('the session cookie', () => {
  it.each([
    ['muster_session=abc', 'abc'],
    ['a=b; muster_session=abc; c=d', 'abc'],
    ['a=b', null],
    ['muster_session=', null],
    ['xmuster_session=abc', null],
    [undefined, null],
  ])('is found in %s', (header, secret) => {
    expect(readSessionCookie(header)).toBe(secret);
  });

  it('is for HTTPS alone when told so', () => {
    expect(sessionCookieHeader('s', 60, true)).toBe(
      'muster_session=s; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure',
    );
  });
});

describe('another origin', () => {
  it.each([
    [undefined, 'muster.example', false],
    ['https://muster.example', 'muster.example', false],
    ['http://localhost:4321', 'localhost:4321', false],
    ['http://localhost:4322', 'localhost:4321', true],
    ['https://evil.example', 'muster.example', true],
    ['https://muster.example.evil.example', 'muster.example', true],
    ['null', 'muster.example', true],
    ['nonsense', 'muster.example', true],
  ])('%s asking %s', (origin, host, expected) => {
    expect(isCrossOrigin({ origin, host })).toBe(expected);
  });
});
