import { randomUUID } from 'node:crypto';
import { rolloutStep } from '@muster/rollouts/failed-steps';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  for (const { id } of (await api.bus.deadLetters.page({ limit: 500 })).items)
    await api.bus.deadLetters.remove(id);
});

const add = (more: object = {}) =>
  api.bus.deadLetters.add({
    subject: 'fleets.changed',
    group: 'failing',
    tries: 3,
    error: 'Error: password=hunter2 AKIAIOSFODNN7EXAMPLE',
    agent: null,
    payload: Buffer.from('{"name":"prod hunter2"}'),
    ...more,
  });
const path = '/api/v1/dead-letters';
const soon = { timeout: 5_000, interval: 20 };
const audited = async (id: string) =>
  (await api.call(`/api/v1/audit?resource=dead-letter/${id}`)).body.items.map(
    ({ action }: { action: string }) => action,
  );

it('lists what was set aside, page by page, without what it was', async () => {
  const agent = randomUUID();
  const ids = [await add(), await add({ agent }), await add()];
  const first = await api.call(`${path}?limit=2`);
  expect(first.status).toBe(200);
  expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[1]]);
  expect(first.body.items[1]).toMatchObject({
    subject: 'fleets.changed',
    group: 'failing',
    tries: 3,
    agent,
    bytes: 23,
  });
  const second = await api.call(`${path}?limit=2&after=${first.body.next}`);
  expect(second.body).toMatchObject({ items: [{ id: ids[0] }], next: null });
  const one = await api.call(`${path}/${ids[1]}`);
  expect(one.body.id).toBe(ids[1]);
  expect(JSON.stringify([first.body, one.body])).not.toMatch(/hunter2|AKIAIOSFODNN7EXAMPLE/);
  expect((await api.call('/api/v1/overview')).body.deadLetters).toBe(3);
  expect((await api.call(path, { key: null })).status).toBe(401);
});

it('says what is wrong with a request', async () => {
  expect((await api.call(`${path}?limit=0`)).body).toMatchObject({ status: 400, field: 'limit' });
  expect((await api.call(`${path}?after=x`)).body).toMatchObject({ status: 400, field: 'after' });
  expect((await api.call(`${path}/x`)).body).toMatchObject({ status: 400, field: 'id' });
  const unknown = `${path}/${randomUUID()}`;
  for (const options of [{}, { method: 'DELETE' }]) {
    expect((await api.call(unknown, options)).body).toMatchObject({
      status: 404,
      code: 'unknown-dead-letter',
    });
  }
  expect((await api.call(`${unknown}/replay`, { method: 'POST' })).status).toBe(404);
});

it('replays to the group that failed alone, audited', async () => {
  const heard: string[] = [];
  let broken = true;
  await api.bus.consume('fleets.changed', 'failing', async (facts) => {
    if (broken) throw new RangeError('too much');
    heard.push(...facts.map(({ name }) => name));
  });
  await api.bus.consume(
    'fleets.changed',
    'healthy',
    async (facts) => void heard.push(...facts.map(() => 'other')),
  );
  await api.bus.publish('fleets.changed', { name: 'prod' });
  await expect.poll(() => api.bus.deadLetters.count(), soon).toBe(1);
  const [letter] = (await api.call(path)).body.items;
  heard.length = 0;
  // Still broken: it comes back under another id.
  expect((await api.call(`${path}/${letter.id}/replay`, { method: 'POST' })).status).toBe(202);
  await expect
    .poll(async () => (await api.call(path)).body.items.map(({ id }: { id: string }) => id), soon)
    .not.toEqual([letter.id]);
  await expect.poll(() => api.bus.deadLetters.count(), soon).toBe(1);
  broken = false;
  const [again] = (await api.call(path)).body.items;
  const answer = await api.graphql(`mutation ($id: ID!) { replayDeadLetter(id: $id) }`, { id: again.id });
  expect(answer).toEqual({ data: { replayDeadLetter: true } });
  await expect.poll(() => heard, soon).toEqual(['prod']);
  expect(await api.bus.deadLetters.count()).toBe(0);
  expect(await audited(letter.id)).toEqual(['dead-letters.replay']);
  expect(await audited(again.id)).toEqual(['dead-letters.replay']);
});

it('has a step of a rollout tried again', async () => {
  const rollout = randomUUID();
  const id = await add({ ...rolloutStep, payload: Buffer.from(rollout) });
  const calls: string[] = [];
  await api.queue.work(async (called) => void calls.push(called));
  expect((await api.call(`${path}/${id}/replay`, { method: 'POST' })).status).toBe(202);
  await expect.poll(() => calls, soon).toEqual([rollout]);
});

it('refuses to replay what is gone, and what nobody takes', async () => {
  const gone = await add({ payload: new Uint8Array() });
  const foreign = await add({ group: 'nobody' });
  for (const id of [gone, foreign]) {
    const answer = await api.call(`${path}/${id}/replay`, { method: 'POST' });
    expect(answer.body).toMatchObject({ status: 409, code: 'not-replayable' });
  }
  expect(await api.bus.deadLetters.count()).toBe(2);
});

it('deletes, audited', async () => {
  const [id, other] = [await add(), await add()];
  expect((await api.call(`${path}/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect((await api.call(`${path}/${id}`)).status).toBe(404);
  expect(await audited(id)).toEqual(['dead-letters.delete']);
  await api.graphql(`mutation ($id: ID!) { deleteDeadLetter(id: $id) }`, { id: other });
  const { data } = await api.graphql(`{ deadLetters { items { id error } next } overview { deadLetters } }`);
  expect(data).toEqual({ deadLetters: { items: [], next: null }, overview: { deadLetters: 0 } });
});
