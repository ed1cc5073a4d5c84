import { expect, it } from 'vitest';
import { MessageAllowance } from './message-allowance.ts';

/** How many of `count` messages pass at `now`. */
function passing(
  allowance: MessageAllowance,
  count: number,
  now: number,
  agents = 1,
  join = () => true,
): number {
  let passed = 0;
  for (let i = 0; i < count; i++) if (allowance.take() || allowance.refill(now, agents, join)) passed += 1;
  return passed;
}

it('lets ten seconds’ worth pass at once, and then the rate', () => {
  const allowance = new MessageAllowance({ perSecond: 50 }, 0);
  expect(passing(allowance, 2_000, 0)).toBe(500);
  expect(passing(allowance, 2_000, 1_000)).toBe(50);
  expect(passing(allowance, 2_000, 1_010)).toBe(0);
  expect(passing(allowance, 2_000, 600_000)).toBe(500);
});

it('lets a steady sender below the rate pass for ever', () => {
  const allowance = new MessageAllowance({ perSecond: 50 }, 0);
  let passed = 0;
  for (let now = 0; now < 600_000; now += 25) passed += passing(allowance, 1, now);
  expect(passed).toBe(24_000);
});

it('grows with the agents on the connection', () => {
  const allowance = new MessageAllowance({ perSecond: 1 }, 0);
  // Every agent says hello at once, and then beats every ten seconds.
  let passed = 0;
  for (let agents = 1; agents <= 10_000; agents++) passed += passing(allowance, 1, 0, agents);
  for (let now = 10_000; now <= 60_000; now += 10_000) passed += passing(allowance, 10_000, now, 10_000);
  expect(passed).toBe(70_000);
});

it('does not grow with agents that may not come in so fast', () => {
  const allowance = new MessageAllowance({ perSecond: 1 }, 0);
  let places = 5;
  let passed = 0;
  for (let i = 1; i <= 10_000; i++) passed += passing(allowance, 1, 0, i, () => places-- > 0);
  expect(passed).toBe(60);
});

it('shrinks with agents that leave', () => {
  const allowance = new MessageAllowance({ perSecond: 1 }, 0);
  expect(passing(allowance, 2_000, 0, 100)).toBe(1_000);
  expect(passing(allowance, 2_000, 1_000, 100)).toBe(100);
  expect(passing(allowance, 2_000, 2_000, 1)).toBe(1);
});
