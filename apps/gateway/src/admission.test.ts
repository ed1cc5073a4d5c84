import { describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';

/** A generator with a fixed seed (mulberry32), so that a test of chance does not fail by chance. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Chi-square of counts against all being equal, and the value that chance exceeds once in 10,000 times. */
function chiSquare(counts: number[]): { statistic: number; critical: number } {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const statistic = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  const k = counts.length - 1;
  // Wilson and Hilferty's approximation of the quantile.
  return { statistic, critical: k * (1 - 2 / (9 * k) + 3.719 * Math.sqrt(2 / (9 * k))) ** 3 };
}

function countEach(values: number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

it('lets in what it should within any second, at once if they come so, and no more', () => {
  let now = 0;
  const admission = new Admission({ perSecond: 10, minRetryAfter: 30, now: () => now, random: () => 0 });
  const admitted = (count: number) =>
    Array.from({ length: count }, () => admission.admit()).filter((answer) => answer === null).length;
  expect(admitted(4)).toBe(4);
  now += 500;
  expect(admitted(20)).toBe(6);
  now += 499;
  expect(admitted(20)).toBe(0);
  now += 1;
  expect(admitted(20)).toBe(4);
  now += 60_000;
  expect(admitted(20)).toBe(10);
});

describe('15,000 agents at once where 1,000 may come in each second', () => {
  const perSecond = 1_000;
  let now = 0;
  const admission = new Admission({ perSecond, minRetryAfter: 30, now: () => now, random: seeded(1) });
  /** Who comes when: milliseconds → how many. All come within the first second, and again when told. */
  const coming = new Map<number, number>();
  for (let i = 0; i < 15_000; i++) {
    const at = Math.floor((i * 900) / 15_000);
    coming.set(at, (coming.get(at) ?? 0) + 1);
  }
  const admittedAt: number[] = [];
  const firstAnswers: number[] = [];
  let turnedAwayAgain = 0;
  for (now = 0; coming.size > 0; now++) {
    for (let i = coming.get(now) ?? 0; i > 0; i--) {
      const answer = admission.admit();
      if (answer === null) admittedAt.push(now);
      else {
        if (now < 1_000) firstAnswers.push(answer);
        else turnedAwayAgain += 1;
        const back = now + answer * 1_000;
        coming.set(back, (coming.get(back) ?? 0) + 1);
      }
    }
    coming.delete(now);
  }

  it('never lets in more than that within any second', () => {
    const most = Math.max(
      ...admittedAt.map((at, i) => i - admittedAt.findIndex((other) => other > at - 1_000) + 1),
    );
    expect(most).toBe(perSecond);
  });

  it('asks for whole seconds, none under the least, uniformly over the time that the backlog needs', () => {
    expect(firstAnswers).toHaveLength(14_000);
    expect(firstAnswers.every(Number.isInteger)).toBe(true);
    expect(Math.min(...firstAnswers)).toBe(30);
    const window = Math.ceil(14_000 / (0.9 * perSecond));
    expect(Math.max(...firstAnswers)).toBeLessThanOrEqual(30 + window);
    const counts = countEach(firstAnswers);
    // The first and the last second are cut: the crowd took a while to come.
    const whole = Array.from({ length: window - 2 }, (_, i) => counts.get(31 + i) ?? 0);
    const { statistic, critical } = chiSquare(whole);
    expect(statistic).toBeLessThan(critical);
  });

  it('has all of them in when that time is over', () => {
    expect(admittedAt).toHaveLength(15_000);
    expect(turnedAwayAgain).toBeLessThan(15_000 * 0.02);
    expect(Math.max(...admittedAt)).toBeLessThan(80_000);
  });
});

it('sends a backlog that would need longer than a quarter of an hour away at random within it', () => {
  const admission = new Admission({ perSecond: 1, minRetryAfter: 30, now: () => 0, random: seeded(2) });
  const answers = Array.from({ length: 20_000 }, () => admission.turnAway()).slice(1_000);
  expect(Math.min(...answers)).toBe(30);
  expect(Math.max(...answers)).toBe(900);
  const tenths = countEach(answers.map((answer) => Math.floor((answer - 30) / 67)));
  const { statistic, critical } = chiSquare([...tenths.values()]);
  expect(tenths.size).toBe(13);
  expect(statistic).toBeLessThan(critical);
});

it('knows when all should be back whom it gave a place', () => {
  let now = 0;
  const admission = new Admission({ perSecond: 10, minRetryAfter: 30, now: () => now });
  expect(admission.returnsWithin()).toBe(0);
  const answers = Array.from({ length: 200 }, () => admission.turnAway());
  expect(admission.returnsWithin()).toBeGreaterThan(Math.max(...answers) * 1_000);
  now += (Math.max(...answers) + 1) * 1_000;
  expect(admission.returnsWithin()).toBe(0);
});

it('draws other waiting times uniformly, and gives nobody a place for them', () => {
  const admission = new Admission({ perSecond: 10, minRetryAfter: 30, now: () => 0, random: seeded(3) });
  const answers = Array.from({ length: 31_000 }, () => admission.later());
  const counts = countEach(answers);
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 31 }, (_, i) => 30 + i));
  const { statistic, critical } = chiSquare([...counts.values()]);
  expect(statistic).toBeLessThan(critical);
  expect(admission.turnAway()).toBeLessThanOrEqual(31);
});
