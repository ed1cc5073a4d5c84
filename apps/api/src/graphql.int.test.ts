import { buildClientSchema, getIntrospectionQuery, printSchema, buildSchema } from 'graphql/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typeDefinitions } from './schema.graphql.ts';
import { described, newUid, startTestApi, type TestApi } from './test-api.setup.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const body = 'receivers: {}\n';

it('is the contract, word for word', async () => {
  const { data } = await api.graphql(getIntrospectionQuery());
  expect(printSchema(buildClientSchema(data))).toBe(printSchema(buildSchema(typeDefinitions)));
});

it('brings a configuration to a fleet by mutations, and shows it by queries', async () => {
  const made = await api.graphql(
    `mutation ($body: String!) {
      createConfiguration(name: "gql", body: $body) { name latest { version } versions { version body } }
      createConfigurationVersion(name: "gql", body: $body, comment: "two") { version comment createdBy }
      validateConfiguration(body: "a: [") {
        problems { severity line column agents }
        checked { texts agents collectors { version } notAsked { version } }
      }
    }`,
    { body },
  );
  expect(made).toEqual({
    data: {
      createConfiguration: { name: 'gql', latest: { version: 1 }, versions: [{ version: 1, body }] },
      createConfigurationVersion: { version: 2, comment: 'two', createdBy: 'api-key:admin' },
      validateConfiguration: {
        problems: [{ severity: 'error', line: 1, column: expect.any(Number), agents: [] }],
        checked: { texts: 1, agents: 0, collectors: [], notAsked: [] },
      },
    },
  });

  const uid = newUid();
  await api.report(uid, described('gql-host', { ring: 'gql' }));
  const put = await api.graphql(
    `mutation ($policy: JSON) {
      putFleet(name: "gql", selector: "ring=gql", priority: 2, configuration: "gql", policy: $policy) {
        fleet { name agents counts policy rollout { id } }
        rollout { id state version waves { index size state counts } agents { uid name state } events { kind actor } }
      }
    }`,
    { policy: { soakSeconds: 0 } },
  );
  const { rollout, fleet } = put.data.putFleet;
  expect(fleet).toMatchObject({
    name: 'gql',
    agents: 1,
    policy: { soakSeconds: 0 },
    rollout: { id: rollout.id },
  });
  expect(rollout).toMatchObject({
    state: 'running',
    version: 2,
    agents: [{ uid, name: 'gql-host', state: 'waiting' }],
    events: [{ kind: 'started', actor: 'api-key:admin' }],
  });

  const orders = await api.graphql(
    `mutation ($id: ID!) {
      pauseRollout(id: $id) { state }
      resumeRollout(id: $id) { state }
      rollbackRollout(id: $id) { state }
      abortRollout(id: $id) { state }
    }`,
    { id: rollout.id },
  );
  expect(orders.data).toEqual({
    pauseRollout: { state: 'paused' },
    resumeRollout: { state: 'running' },
    rollbackRollout: { state: 'rollingBack' },
    abortRollout: { state: 'aborted' },
  });

  const started = await api.graphql(
    'mutation { startRollout(fleet: "gql", configuration: "gql", version: 1) { id state } }',
  );
  const shown = await api.graphql(
    `query ($id: ID!) {
      overview { agents configurationStatus { status count } versions { name count } activeRollouts { id } }
      fleets { name rollout { id } }
      fleet(name: "gql") { name }
      nobody: fleet(name: "nope") { name }
      rollout(id: $id) { id fleet }
      rollouts(fleet: "gql", limit: 1) { items { id } next }
      configuration(name: "gql") { latest { version } }
      configurations { name }
    }`,
    { id: rollout.id },
  );
  const { id } = started.data.startRollout;
  expect(shown.data).toMatchObject({
    overview: { agents: 1, activeRollouts: [{ id }] },
    fleets: [{ name: 'gql', rollout: { id } }],
    fleet: { name: 'gql' },
    nobody: null,
    rollout: { id: rollout.id, fleet: 'gql' },
    rollouts: { items: [{ id }], next: id },
    configuration: { latest: { version: 2 } },
    configurations: [{ name: 'gql' }],
  });
});

it('shows agents with what they run and all they said, and changes them', async () => {
  const uid = newUid();
  await api.report(uid, described('detail-host'));
  const { data } = await api.graphql(
    `query ($uid: ID!) {
      agents(search: "detail-host") { total next items { uid name configuration { status target { name } } } }
      agent(uid: $uid) {
        health effectiveConfig identifyingAttributes nonIdentifyingAttributes
        connection { remoteAddress enrollmentToken } remoteConfigStatus { hash } components packages
      }
    }`,
    { uid },
  );
  expect(data.agents).toMatchObject({
    total: 1,
    next: null,
    items: [{ uid, configuration: { status: 'none' } }],
  });
  expect(data.agent).toMatchObject({
    health: { healthy: true },
    effectiveConfig: { '': 'receivers: {}\n' },
    identifyingAttributes: { 'service.name': 'otelcol' },
    connection: { remoteAddress: '192.0.2.1:5000', enrollmentToken: null },
    components: null,
  });

  const changed = await api.graphql(
    `mutation ($uid: ID!, $labels: JSON!) { setAgentLabels(uid: $uid, labels: $labels) { labels } }`,
    { uid, labels: { site: 'a' } },
  );
  expect(changed.data.setAgentLabels).toEqual({ labels: { site: 'a' } });
  expect((await api.graphql(`mutation { deleteAgent(uid: "${uid}") }`)).data).toEqual({ deleteAgent: true });
  expect((await api.graphql(`{ agent(uid: "${uid}") { uid } }`)).data).toEqual({ agent: null });
});

it('makes and revokes enrollment tokens, all in the audit log', async () => {
  const made = await api.graphql(
    'mutation { createEnrollmentToken(name: "gql", maxUses: 2, labels: { a: "b" }) { id token } }',
  );
  const { id, token } = made.data.createEnrollmentToken;
  expect(token).toMatch(/^mus_enroll_/);
  const changed = await api.graphql(
    `mutation { updateEnrollmentToken(id: "${id}", mayTakeOver: true) { name mayTakeOver } }`,
  );
  expect(changed.data).toEqual({ updateEnrollmentToken: { name: 'gql', mayTakeOver: true } });
  expect(
    (await api.graphql(`mutation { revokeEnrollmentToken(id: "${id}") }`)).data.revokeEnrollmentToken,
  ).toBe(true);
  const { data } = await api.graphql(
    `{ enrollmentTokens { id name maxUses uses revokedAt }
       audit(resource: "enrollment-token/${id}", limit: 5) { items { action actor detail } next } }`,
  );
  expect(data.enrollmentTokens).toMatchObject([
    { id, name: 'gql', maxUses: 2, uses: 0, revokedAt: expect.any(String) },
  ]);
  expect(data.audit.items.map(({ action }: { action: string }) => action)).toEqual([
    'enrollment-tokens.revoke',
    'enrollment-tokens.update',
    'enrollment-tokens.create',
  ]);
  expect(JSON.stringify(data)).not.toContain(token);
});

describe('errors', () => {
  it.each([
    ['{ agent(uid: "x") { uid } }', 'invalid-request', 'uid'],
    ['{ agents(selector: "a in (") { next } }', 'invalid-selector', 'selector'],
    ['{ agents(after: "x") { next } }', 'invalid-cursor', 'after'],
    ['{ agents(limit: 501) { next } }', 'invalid-request', 'limit'],
    ['{ agents(search: "\\u0000") { next } }', 'invalid-request', 'search'],
    ['{ rollout(id: "7") { id } }', 'invalid-request', 'id'],
    [`mutation { restartAgent(uid: "${newUid()}") }`, 'unknown-agent', 'uid'],
    [`mutation { pauseRollout(id: "${newUid()}") { id } }`, 'unknown-rollout', 'id'],
    ['mutation { deleteFleet(name: "nope") }', 'unknown-fleet', 'fleet'],
    ['mutation { createConfiguration(name: "x", body: "a: [") { name } }', 'invalid-configuration', 'body'],
    [
      'mutation { putFleet(name: "x", selector: "", policy: { waves: 1 }) { rollout { id } } }',
      'invalid-policy',
      'policy.waves',
    ],
    [
      'mutation { createEnrollmentToken(name: "x", expiresAt: "2001-01-01T00:00:00Z") { id } }',
      'invalid-request',
      'expiresAt',
    ],
  ])('%s', async (query, code, field) => {
    const { status, body: answer } = await api.call('/graphql', { body: { query } });
    expect(status).toBe(200);
    expect(answer.errors).toMatchObject([{ message: expect.any(String), extensions: { code, field } }]);
  });

  it.each([
    ['no GraphQL', { query: '{' }],
    ['a syntax tree', { query: '{}' }],
    ['an unknown field', { query: '{ nope }' }],
    ['a missing variable', { query: 'query ($uid: ID!) { agent(uid: $uid) { uid } }' }],
    [
      'a variable of another type',
      { query: 'query ($n: Int) { agents(limit: $n) { next } }', variables: { n: 'x' } },
    ],
    [
      'a time that is none',
      { query: 'mutation { createEnrollmentToken(name: "x", expiresAt: "soon") { id } }' },
    ],
    ['no query', {}],
    ['variables that are no object', { query: '{ __typename }', variables: [] }],
    ['a list of queries', [{ query: '{ __typename }' }]],
    ['a subscription', { query: 'subscription { agentsDeleted }' }],
    ['broken JSON', '{'],
  ])('%s is the fault of who asks', async (_what, request) => {
    const answer = await api.call('/graphql', { body: request });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]).toMatchObject({
      message: expect.any(String),
      extensions: { code: expect.any(String) },
    });
    expect(answer.body.errors[0].extensions.code).not.toBe('internal');
  });

  it('changes are not made by GET', async () => {
    const query = encodeURIComponent('mutation { deleteFleet(name: "nope") }');
    expect((await api.call(`/graphql?query=${query}`)).status).toBe(405);
    expect((await api.call('/graphql?query=%7B__typename%7D')).body).toEqual({
      data: { __typename: 'Query' },
    });
  });

  it('what breaks inside is not told', async () => {
    await api.db.schema.alterTable('audit_events').renameTo('audit_events_away').execute();
    const broken = await api.graphql('{ audit { next } }');
    await api.db.schema.alterTable('audit_events_away').renameTo('audit_events').execute();
    expect(broken.errors).toMatchObject([{ extensions: { code: 'internal' } }]);
    expect(JSON.stringify(broken)).not.toContain('audit_events');
  });

  it.each([
    ['deep', `{ ${'rollouts { items { agents { uid } '.repeat(1)}${'events { kind } '.repeat(1)} } } }`, 200],
    ['too much', '{ agents(limit: 500) { items { health effectiveConfig } } }', 400],
    [
      'too much by a variable',
      'query ($n: Int) { agents(limit: $n) { items { health effectiveConfig } } }',
      400,
    ],
    [
      'too often',
      `{ ${Array.from({ length: 300 }, (_, n) => `a${n}: overview { agents }`).join(' ')} }`,
      400,
    ],
    ['too long', `{ ${'__typename '.repeat(6_000)} }`, 400],
    [
      'what the lists show',
      '{ agents(limit: 500) { total next items { uid name status healthy type version os arch hostname labels attributes capabilities transport fleet configuration { status current { name version hash } pending { name version } target { name version } error } enrolledAt connectedAt lastSeenAt } } }',
      200,
    ],
  ])('asking for %s', async (_what, query, status) => {
    const answer = await api.call('/graphql', { body: { query, variables: { n: 500 } } });
    expect(answer.status).toBe(status);
  });
});
