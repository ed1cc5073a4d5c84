import { expect, it } from 'vitest';
import { CompiledConfiguration, noValues } from './rendering.ts';
import { renderGroups } from './rendering-slices.ts';

const compile = (body: string) => new CompiledConfiguration({ body, files: {}, overlays: [] });
const groups = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    values: { ...noValues, agent: { uid: `uid-${n}` } },
    overlays: [],
    agents: [],
    inputs: new Uint8Array(),
  }));

it('renders each group, and says for which it cannot', async () => {
  const broken = { ...groups(1)[0]!, values: noValues };
  const renderings = await renderGroups(compile('a: {{ agent.uid }}'), [...groups(2), broken], 'it');
  expect(renderings.map(({ config }) => config?.files[''])).toEqual(['a: uid-0', 'a: uid-1', undefined]);
  expect(renderings[2]!.error).toMatchObject({ variable: 'agent.uid' });
});

it('others get their turn meanwhile', async () => {
  const loops = '# {{ agent.uid }}{% for i in (1..220) %}{% for j in (1..1800) %}{% endfor %}{% endfor %}';
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const renderings = await renderGroups(compile(loops), groups(10), 'it');
  clearInterval(timer);
  expect(renderings.every(({ error }) => error !== null)).toBe(true);
  expect(longest).toBeLessThan(500);
});

it('what takes too long in all is refused by its name', async () => {
  let clock = 0;
  const rendering = renderGroups(compile('a: {{ agent.uid }}'), groups(1_000), 'version 3 of "edge"', () => {
    clock += 15;
    return clock;
  });
  await expect(rendering).resolves.toHaveLength(1_000);
  const slow = renderGroups(compile('a: {{ agent.uid }}'), groups(1_000), 'version 3 of "edge"', () => {
    clock += 50;
    return clock;
  });
  await expect(slow).rejects.toMatchObject({
    code: 'invalid-template',
    message: expect.stringMatching(
      /version 3 of "edge" takes too long to render: \d+ of 1000 different texts in 30 s/,
    ),
  });
});
