import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  api = await startTestApi();
  for (const name of ['edge', 'core']) {
    const { body } = await api.call('/api/v1/enrollment-tokens', { method: 'POST', body: { name } });
    tokens[name] = body.id;
  }
});
afterAll(() => api.stop());

/** An agent that says `env=prod` of itself. */
async function enrol(token: 'edge' | 'core') {
  const uid = newUid();
  await api.report(uid, described('collector', { env: 'prod' }), { enrollmentTokenId: tokens[token]! });
  return uid;
}

const putFleet = (name: string, body: object) => api.call(`/api/v1/fleets/${name}`, { method: 'PUT', body });
const fleetOf = async (uid: string) => (await api.call(`/api/v1/agents/${uid}`)).body.fleet;

describe('an agent that says of itself what a label says', () => {
  it('is not in a fleet that asks for the label, and is once an operator has set it', async () => {
    const uid = await enrol('edge');
    await putFleet('labelled', { selector: 'label:env=prod' });
    expect(await fleetOf(uid)).toBeNull();
    await api.call(`/api/v1/agents/${uid}`, { method: 'PATCH', body: { labels: { env: 'prod' } } });
    await putFleet('labelled', { selector: 'label:env=prod' });
    expect(await fleetOf(uid)).toBe('labelled');
    const { body } = await api.call(`/api/v1/agents/${uid}/explain`);
    expect(body.fleets[0].requirements).toEqual([
      {
        requirement: 'label:env=prod',
        value: 'prod',
        source: 'label',
        saidBy: 'said by an operator, as a label',
      },
    ]);
    expect(body.why).not.toContain('itself');
    await api.call('/api/v1/fleets/labelled', { method: 'DELETE' });
  });

  it('is called so by explain, in a fleet that asks for either', async () => {
    const uid = await enrol('edge');
    await putFleet('either', { selector: 'env=prod' });
    const { body } = await api.call(`/api/v1/agents/${uid}/explain`);
    expect(body.fleets[0].requirements).toEqual([
      { requirement: 'env=prod', value: 'prod', source: 'attribute', saidBy: 'said by the agent itself' },
    ]);
    expect(body.why).toContain('said by the agent itself: env=prod');
    const query = `{ agent(uid: "${uid}") { explanation { fleets { tokens requirements { source saidBy } } } } }`;
    const answer = await api.call('/graphql', { method: 'POST', body: { query } });
    expect(answer.body.data.agent.explanation.fleets).toEqual([
      { tokens: null, requirements: [{ source: 'attribute', saidBy: 'said by the agent itself' }] },
    ]);
    await api.call('/api/v1/fleets/either', { method: 'DELETE' });
  });
});

describe('a fleet that is restricted to tokens', () => {
  it('takes agents of those alone, and of all once that is lifted', async () => {
    const [edge, core] = [await enrol('edge'), await enrol('core')];
    const { body } = await putFleet('restricted', { selector: 'env=prod', tokens: ['edge'] });
    expect(body).toMatchObject({ tokens: ['edge'], selector: 'env=prod' });
    expect([await fleetOf(edge), await fleetOf(core)]).toEqual(['restricted', null]);
    const explained = await api.call(`/api/v1/agents/${edge}/explain`);
    expect(explained.body.fleets[0]).toMatchObject({
      tokens: ['edge'],
      requirements: [{ source: 'attribute' }, { requirement: 'token:=edge', value: 'edge', source: 'token' }],
    });
    // left out: as it was
    expect((await putFleet('restricted', { selector: 'env' })).body.tokens).toEqual(['edge']);
    expect(await fleetOf(core)).toBeNull();
    expect((await putFleet('restricted', { selector: 'env', tokens: null })).body.tokens).toBeNull();
    expect(await fleetOf(core)).toBe('restricted');
  });

  it('is made by GraphQL too, where an empty list lifts it', async () => {
    const put = async (args: string) => {
      const query = `mutation { putFleet(name: "restricted", selector: "env", ${args}) { fleet { tokens } } }`;
      return (await api.call('/graphql', { method: 'POST', body: { query } })).body.data.putFleet.fleet
        .tokens;
    };
    expect(await put('tokens: ["core", "edge"]')).toEqual(['core', 'edge']);
    expect(await put('tokens: null')).toEqual(['core', 'edge']);
    expect(await put('tokens: []')).toBeNull();
  });

  it('names tokens that there are; one that is revoked since may stay', async () => {
    expect(await putFleet('x', { selector: '', tokens: ['edge', 'egde'] })).toMatchObject({
      status: 400,
      body: { code: 'invalid-fleet-tokens', field: 'tokens', detail: expect.stringContaining('"egde"') },
    });
    expect(await putFleet('x', { selector: '', tokens: [] })).toMatchObject({
      status: 400,
      body: { field: 'tokens' },
    });
    expect((await api.call('/api/v1/fleets/x')).status).toBe(404);
  });
});

describe('a selector', () => {
  it('of agents names the token, which is no credential', async () => {
    const uid = await enrol('core');
    const selector = encodeURIComponent('token:core,attribute:env=prod');
    const { body } = await api.call(`/api/v1/agents?selector=${selector}`);
    expect(body.items.map((agent: { uid: string }) => agent.uid)).toContain(uid);
    expect((await putFleet('core', { selector: 'token: in (core, edge), env' })).status).toBe(200);
    const secret = `mus_enroll_${'aB3dE5fG7hJ9kL1m'.repeat(3).slice(0, 43)}`;
    for (const wrong of [`token:${secret}`, `token:core,password=hunter2secret`]) {
      const refused = await putFleet('core', { selector: wrong });
      expect(refused).toMatchObject({ status: 400, body: { field: 'selector' } });
      expect(JSON.stringify(refused.body)).not.toContain(secret);
    }
  });

  it('of an overlay names no token, for what an agent gets would not follow it', async () => {
    const refused = await api.call('/api/v1/configurations', {
      method: 'POST',
      body: {
        name: `c-${randomUUID()}`,
        body: 'receivers: {}',
        overlays: [{ selector: 'token:edge', body: 'exporters: {}' }],
      },
    });
    expect(refused).toMatchObject({ status: 400, body: { field: 'overlays[0].selector' } });
  });
});
