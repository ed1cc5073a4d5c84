import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { networkOf, WrongCredentials } from './wrong-credentials.ts';

let now: number;
let lines: { msg: string; most: Record<string, number>; [field: string]: unknown }[];
let limiter: WrongCredentials;

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  lines = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  limiter = new WrongCredentials({ perMinute: 6, log: pino(sink), now: () => now });
});
afterEach(() => {
  limiter.stop();
  vi.useRealTimers();
});

/** Presents a wrong credential: how it is answered. */
function present(address: string): 'wrong' | 'limited' | 'unjudged' {
  const isJudged = limiter.expect(address);
  const retryAfter = limiter.wrong(address);
  if (!isJudged) return 'unjudged';
  return retryAfter === null ? 'wrong' : 'limited';
}
const times = (count: number, address: string) => Array.from({ length: count }, () => present(address));

it('lets a minute’s worth of wrong ones be answered, then as many as a minute brings', () => {
  expect(times(8, '192.0.2.1')).toEqual([
    ...Array<string>(5).fill('wrong'),
    // the last one it may present empties its allowance
    ...Array<string>(3).fill('limited'),
  ]);
  now += 25_000;
  expect(times(3, '192.0.2.1')).toEqual(['wrong', 'limited', 'limited']);
  now += 3_600_000;
  expect(times(6, '192.0.2.1').slice(0, 5)).toEqual(Array<string>(5).fill('wrong'));
});

it('says when to come again', () => {
  times(6, '192.0.2.1');
  expect(limiter.wrong('192.0.2.1')).toBe(10);
  now += 4_000;
  expect(limiter.wrong('192.0.2.1')).toBe(6);
});

it('is no worse for others', () => {
  times(1_000, '192.0.2.1');
  expect(present('192.0.2.2')).toBe('wrong');
});

it('judges few of those beyond the limit, over all addresses', () => {
  for (let host = 0; host < 100; host++) times(6, `192.0.2.${host}`);
  const judged = () =>
    Array.from({ length: 100 }, (_, host) => limiter.expect(`192.0.2.${host}`)).filter(Boolean).length;
  expect(judged()).toBe(20);
  expect(judged()).toBe(0);
  now += 1_000;
  expect(judged()).toBe(20);
});

it('counts what is under way, and takes nothing from those who are right', () => {
  const under = Array.from({ length: 100 }, () => limiter.expect('192.0.2.1'));
  expect(under.filter(Boolean)).toHaveLength(6 + 20);
  for (let i = 0; i < 6; i++) limiter.right('192.0.2.1');
  for (let i = 0; i < 100; i++) {
    expect(limiter.expect('192.0.2.1')).toBe(true);
    limiter.right('192.0.2.1');
  }
});

it('logs one line for a minute with wrong ones, and has no timer while there are none', async () => {
  expect(vi.getTimerCount()).toBe(0);
  times(30, '192.0.2.1');
  times(2, '2001:db8::1');
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toMatchObject([
    {
      msg: 'wrong credentials were presented',
      wrong: 32,
      limited: 25,
      addresses: 2,
      most: { '192.0.2.1': 30, '2001:db8::1': 2 },
    },
  ]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(lines).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
  expect(limiter.totals).toEqual({ wrongCredentials: 32, credentialsLimited: 25 });
});

it('keeps a bounded number of addresses, whoever comes', { timeout: 20_000 }, () => {
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 60_000; n++) {
    present(`2001:db8:${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}::1`);
  }
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(48 * 1024 * 1024);
  expect(present('192.0.2.1')).toBe('wrong');
});

describe('what counts as one address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:0003:0004:0005:0006', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1::', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
    ['unknown', 'unknown'],
  ])('%s is of %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
