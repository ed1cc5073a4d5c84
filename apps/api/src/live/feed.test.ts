import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Feed } from './feed.ts';
import { takeAll, takeOne } from './mailbox.ts';

const fetched: string[][] = [];
const errors: unknown[] = [];
let fail = false;

function newFeed(maxBatch = 500) {
  return new Feed<string, string>({
    async fetch(keys) {
      if (fail) throw new Error('away');
      fetched.push(keys);
      return new Map(keys.filter((key) => key !== 'gone').map((key) => [key, `${key}!`]));
    },
    onError: (error) => errors.push(error),
    delayMs: 20,
    intervalMs: 500,
    maxBatch,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  fetched.length = 0;
  errors.length = 0;
  fail = false;
});
afterEach(() => {
  vi.useRealTimers();
});

/** Collects what a subscriber gets. */
function collect<T>(iterator: AsyncIterable<T>): T[] {
  const values: T[] = [];
  void (async () => {
    for await (const value of iterator) values.push(value);
  })();
  return values;
}

it('reads once for all, soon after the first change', async () => {
  const feed = newFeed();
  const one = collect(feed.subscribe(takeAll));
  const other = collect(feed.subscribe(takeAll));
  feed.change(['a']);
  feed.change(['b', 'a']);
  await vi.advanceTimersByTimeAsync(20);
  expect(fetched).toEqual([['a', 'b']]);
  expect(one).toEqual([['a!', 'b!']]);
  expect(other).toEqual(one);
});

it('hands on twice a second at most, and nothing is left behind', async () => {
  const feed = newFeed();
  const values = collect(feed.subscribe(takeAll));
  for (let time = 0; time < 3_000; time += 10) {
    feed.change([`at-${time}`]);
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(1_000);
  expect(values.length).toBeLessThanOrEqual(8);
  expect(values.flat()).toHaveLength(300);
});

it('reads nothing while nobody listens, or nobody to these keys', async () => {
  const feed = newFeed();
  feed.change(['a']);
  await vi.advanceTimersByTimeAsync(1_000);
  const values = collect(feed.subscribe(takeAll, 'b'));
  feed.change(['a']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fetched).toEqual([]);
  feed.change(['a', 'b']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fetched).toEqual([['b']]);
  expect(values).toEqual([['b!']]);
});

it('takes a bounded number at a time, those asked for by name first', async () => {
  const feed = newFeed(2);
  const all = collect(feed.subscribe(takeAll));
  const one = collect(feed.subscribe(takeAll, 'd'));
  feed.change(['a', 'b', 'c', 'd']);
  await vi.advanceTimersByTimeAsync(20);
  expect(one).toEqual([['d!']]);
  expect(all).toEqual([['d!', 'a!']]);
  await vi.advanceTimersByTimeAsync(500);
  expect(all.flat()).toEqual(['d!', 'a!', 'b!', 'c!']);
});

it('leaves out what is gone meanwhile', async () => {
  const feed = newFeed();
  const values = collect(feed.subscribe(takeAll));
  feed.change(['gone']);
  await vi.advanceTimersByTimeAsync(20);
  expect(values).toEqual([]);
});

it('tries again after a failure', async () => {
  const feed = newFeed();
  const values = collect(feed.subscribe(takeAll));
  fail = true;
  feed.change(['a']);
  await vi.advanceTimersByTimeAsync(600);
  expect(errors.length).toBeGreaterThan(0);
  fail = false;
  await vi.advanceTimersByTimeAsync(600);
  expect(values).toEqual([['a!']]);
});

it('keeps the newest of each key for a slow subscriber, and no more', async () => {
  const feed = newFeed();
  const slow = feed.subscribe(takeOne);
  for (const round of [1, 2, 3]) {
    feed.change(round === 2 ? ['b'] : ['a', 'b']);
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(await slow.next()).toEqual({ done: false, value: 'a!' });
  expect(await slow.next()).toEqual({ done: false, value: 'b!' });
  let more = false;
  void slow.next().then(() => (more = true));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(more).toBe(false);
});

it('a subscriber that leaves ends its own wait and is not served', async () => {
  const feed = newFeed();
  const iterator = feed.subscribe(takeAll);
  const waiting = iterator.next();
  await iterator.return!();
  expect(await waiting).toEqual({ done: true, value: undefined });
  feed.change(['a']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fetched).toEqual([]);
});

it('stopping ends everybody', async () => {
  const feed = newFeed();
  const waiting = feed.subscribe(takeAll).next();
  feed.change(['a']);
  await feed.stop();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fetched).toEqual([]);
});
