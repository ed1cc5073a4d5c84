import { OfferHolds } from '@muster/configs/offer-holds.postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const post = (path: string, body: unknown) => api.call(`/api/v1/${path}`, { method: 'POST', body });

it('offers are made, and a hold that is not there cannot be released', async () => {
  expect(await api.call('/api/v1/offer-hold')).toMatchObject({ status: 200, body: { hold: null } });
  expect(await post('offer-hold/release', { decision: 'database' })).toMatchObject({
    status: 409,
    body: { code: 'no-offer-hold' },
  });
});

it('a decision is one of two, and is in the audit log; rollouts under way wait for a person', async () => {
  await post('configurations', { name: 'base', body: 'receivers: {}' });
  await api.report(newUid(), described('a'));
  await api.call('/api/v1/fleets/all', { method: 'PUT', body: { selector: '' } });
  const { body: rollout } = await post('rollouts', { fleet: 'all', configuration: 'base', version: 1 });
  await new OfferHolds(api.db).hold('the database was put back', 100);

  const { body } = await api.call('/api/v1/offer-hold');
  expect(body.hold).toMatchObject({ reason: 'the database was put back', agents: { reported: 0 } });
  expect((await api.graphql('{ offerHold { reason } }')).data.offerHold).toEqual({
    reason: 'the database was put back',
  });
  for (const [path, input] of [
    ['rollouts', { fleet: 'all', configuration: 'base', version: 1 }],
    [`rollouts/${rollout.id}/rollback`, undefined],
  ] as const) {
    expect(await post(path, input)).toMatchObject({ status: 409, body: { code: 'offers-held' } });
  }
  for (const wrong of [{}, { decision: 'both' }, { decision: null }, { decision: 'agents', force: true }]) {
    expect(await post('offer-hold/release', wrong)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request' },
    });
  }

  const query = 'mutation { releaseOfferHold(decision: "agents") { withoutTarget fleets rollouts } }';
  expect((await api.graphql(query)).data.releaseOfferHold).toMatchObject({ rollouts: 1 });
  expect((await api.call('/api/v1/offer-hold')).body.hold).toBeNull();
  expect((await api.call(`/api/v1/rollouts/${rollout.id}`)).body).toMatchObject({
    state: 'paused',
    reason: expect.stringContaining('put back'),
  });
  const { items } = (await api.call('/api/v1/audit?limit=1')).body;
  expect(items[0]).toMatchObject({ action: 'offers.release', detail: { decision: 'agents', rollouts: 1 } });
});
