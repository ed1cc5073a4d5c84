import { expect, test } from 'vitest';
import { waveEnds } from './waves.ts';

test('the first wave holds as many as it must, waves inside of it are left out', () => {
  expect(waveEnds(['1', '10%', '100%'], 30, 3)).toEqual([3, 30]);
  expect(waveEnds(['1', '10%', '100%'], 300, 3)).toEqual([3, 30, 300]);
  expect(waveEnds(['1'], 2, 3)).toEqual([2]);
});

test.each([
  [['1', '10%', '50%', '100%'], 30, [1, 3, 15, 30]],
  [['1', '10%', '50%', '100%'], 10_000, [1, 1000, 5000, 10_000]],
  [['1', '10%', '50%', '100%'], 3, [1, 2, 3]],
  [['1', '10%', '50%', '100%'], 1, [1]],
  [['1', '10%', '50%', '100%'], 0, []],
  [['10%', '5', '100%'], 20, [2, 5, 20]],
  [['10%', '5', '100%'], 200, [20, 200]],
  [['1'], 4, [1, 4]],
  [['100%'], 4, [4]],
  [['500'], 4, [4]],
  [['0.1%'], 10, [1, 10]],
])('%j over %d agents ends at %j', (waves, agents, expected) => {
  expect(waveEnds(waves, agents)).toEqual(expected);
});
