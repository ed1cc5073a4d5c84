import { expect, test } from 'vitest';
import { addLatencies, Latency, quantiles } from './latency.ts';

test('quantiles are within 5 % of the exact ones, and processes add up', () => {
  const [even, odd] = [new Latency(), new Latency()];
  for (let ms = 1; ms <= 10_000; ms++) (ms % 2 ? odd : even).record(ms / 10);

  const all = quantiles(addLatencies([even.counts(), odd.counts()]));

  expect(all.count).toBe(10_000);
  expect(all.max).toBe(1_000);
  for (const [quantile, exact] of [
    [all.p50, 500],
    [all.p90, 900],
    [all.p99, 990],
  ] as const) {
    expect(quantile / exact).toBeGreaterThan(0.95);
    expect(quantile / exact).toBeLessThan(1.05);
  }
});

test('of nothing are 0, and what is beyond the scale counts as the largest', () => {
  const latency = new Latency();
  expect(quantiles(latency.counts())).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  latency.record(0);
  latency.record(1e9);
  expect(quantiles(latency.counts())).toMatchObject({ count: 2, p50: 0.01, max: 1e9 });
});
