import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectionRefused, FakeHttp, FakeWebSocket } from '@muster/opamp/fake-connection';
import type { ServerToAgentMessage } from '@muster/opamp/opamp';
import { showOnFailure } from './harness/failure.ts';
import { fakeAgent } from './harness/fleet.ts';
import { logged, modes, Muster } from './harness/muster.ts';
import { RestClient, type Answer } from './harness/rest-client.ts';
import { overHttp } from './harness/supervisor.ts';

const badRequest = 1; // ServerErrorResponseType.BadRequest
const nobody = '00000000-0000-7000-8000-000000000000';

const malformed: [string, Uint8Array][] = [
  ['no protobuf', Buffer.from('this is not OpAMP')],
  ['cut off', Buffer.from('0a10018f', 'hex')],
  ['no instance uid', Buffer.alloc(0)],
  ['an instance uid of 15 bytes', Buffer.concat([Buffer.from('0a0f', 'hex'), Buffer.alloc(15, 7)])],
  ['a health report that is garbage', Buffer.from(`0a10${'07'.repeat(16)}2a03ffffff`, 'hex')],
];

describe.each(modes)('bad input, %s', (mode) => {
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    muster = await Muster.start({ provokes: logged, mode });
    await muster.rest.post('configurations', { name: 'edge', body: 'receivers: {}\n' });
    await muster.rest.put('fleets/all', { selector: 'nobody=here' });
  });
  afterAll(() => muster?.dispose());

  describe('of agents', () => {
    const headers = () => ({ authorization: `Bearer ${muster.enrollmentToken}` });

    test.each(['websocket', 'http'])('a missing or wrong token is 401 over %s', async (transport) => {
      const [socket] = muster.opamp as [string];
      const url = transport === 'http' ? overHttp(socket) : socket;
      for (const authorization of ['', 'Bearer wrong', `Bearer ${muster.adminKey}`]) {
        const stranger = fakeAgent(muster, 0, {
          url,
          headers: { authorization },
          attributes: { role: 'stranger' },
        });
        await expect(stranger.start()).rejects.toMatchObject({
          status: 401,
        } satisfies Partial<ConnectionRefused>);
      }
      expect(await muster.rest.agents('selector=role=stranger')).toEqual([]);
    });

    test.each(malformed)(
      '%s over WebSocket is answered with BadRequest and hurts nobody',
      async (_, bytes) => {
        const [url] = muster.opamp as [string];
        const neighbour = fakeAgent(muster);
        await neighbour.start();
        const connection = await FakeWebSocket.open(url, headers());
        const answer = answerOf(connection);
        await connection.send(bytes);
        expectBadRequest(await answer);

        const patient = fakeAgent(muster);
        await patient.start(connection); // the same socket still serves
        expect((await neighbour.heartbeat()).errorResponse).toBeFalsy();
        await neighbour.stop();
        await patient.stop();
      },
    );

    test.each(malformed)('%s over plain HTTP is answered with BadRequest', async (_, bytes) => {
      const connection = new FakeHttp(overHttp(muster.opamp[0] as string), headers());
      const answer = answerOf(connection);
      await connection.send(bytes);
      expectBadRequest(await answer);
    });
  });

  describe('of people', () => {
    test.each([
      ['GET', 'agents'],
      ['POST', 'configurations'],
      ['GET', 'nothing-here'],
    ])('%s %s with a wrong key is 401 and tells nothing', async (method, path) => {
      const stranger = new RestClient(muster.url, 'mus_admin_wrong');
      expectProblem(await stranger.request(method, path, method === 'POST' ? {} : undefined), 401);
      const agent = new RestClient(muster.url, muster.enrollmentToken);
      expectProblem(await agent.request(method, path, method === 'POST' ? {} : undefined), 401);
    });

    test('bad YAML is 422 with line and column', async () => {
      const body = 'receivers:\n  otlp:\n    protocols: {http: [\n';
      const answer = await muster.rest.request('POST', 'configurations', { name: 'bad', body });
      expectProblem(answer, 422, 'body');
      expect(answer.json).toMatchObject({
        problems: expect.arrayContaining([
          expect.objectContaining({ line: expect.any(Number), column: expect.any(Number) }),
        ]),
      });
      expectProblem(await muster.rest.request('GET', 'configurations/bad/versions'), 404, 'configuration');
    });

    test.each([
      ['GET', `agents/${nobody}`, undefined, 404, 'uid'],
      ['GET', 'agents/not-a-uuid', undefined, 400, 'uid'],
      ['PATCH', `agents/${nobody}`, { labels: {} }, 404, 'uid'],
      ['POST', `agents/${nobody}/commands`, { command: 'restart' }, 404, 'uid'],
      ['POST', `agents/${nobody}/commands`, { command: 'explode' }, 400, 'command'],
      ['GET', 'agents?selector=env+in+(', undefined, 400, 'selector'],
      ['GET', 'agents?after=not-a-cursor', undefined, 400, 'after'],
      ['GET', 'agents?limit=-1', undefined, 400, 'limit'],
      ['GET', 'agents?status=asleep', undefined, 400, 'status'],
      ['GET', 'configurations/unknown/versions', undefined, 404, 'configuration'],
      ['GET', 'configurations/edge/versions/99', undefined, 404, 'version'],
      ['GET', 'configurations/edge/versions/first', undefined, 400, 'version'],
      ['POST', 'configurations', { name: 'No Name', body: 'a: 1\n' }, 400, 'name'],
      ['POST', 'configurations', { name: 'edge', body: 'receivers: {}\n' }, 409, 'name'],
      ['POST', 'configurations', { body: 'receivers: {}\n' }, 400, 'name'],
      ['GET', 'fleets/unknown', undefined, 404, 'fleet'],
      ['PUT', 'fleets/all', { selector: '=,=' }, 400, 'selector'],
      ['PUT', 'fleets/all', { selector: '', configuration: 'unknown' }, 404, 'configuration'],
      ['POST', 'rollouts', { fleet: 'unknown', configuration: 'edge', version: 1 }, 404, 'fleet'],
      ['POST', 'rollouts', { fleet: 'all', configuration: 'edge', version: 99 }, 404, 'version'],
      [
        'POST',
        'rollouts',
        { fleet: 'all', configuration: 'edge', version: 1, policy: { waves: ['most'] } },
        400,
        'policy.waves[0]',
      ],
      ['GET', `rollouts/${nobody}`, undefined, 404, 'id'],
      ['GET', 'rollouts/not-a-uuid', undefined, 400, 'id'],
      ['DELETE', `enrollment-tokens/${nobody}`, undefined, 404, 'id'],
      ['POST', 'configurations', '{"name": ', 400, 'body'],
    ])('%s %s %o: a problem that names the field', async (method, path, body, status, field) => {
      expectProblem(await muster.rest.request(method, path, body), status, field);
    });

    test('a body that is too large: a problem that names it', async () => {
      const body = 'x'.repeat(5 << 20);
      expectProblem(await muster.rest.request('POST', 'configurations', { name: 'big', body }), 413, 'body');
    });
  });
});

function answerOf(connection: FakeWebSocket | FakeHttp): Promise<ServerToAgentMessage> {
  return new Promise((resolve) => connection.onMessage(resolve));
}

function expectBadRequest(answer: ServerToAgentMessage): void {
  expect(answer.errorResponse).toMatchObject({
    type: badRequest,
    errorMessage: expect.stringMatching(/\w+ \w+/),
  });
}

/** Expects RFC 9457 problem details, with the field where one is at fault, and nothing of our insides. */
function expectProblem(answer: Answer, status: number, field?: string): void {
  expect(answer).toMatchObject({
    status,
    json: {
      title: expect.any(String),
      detail: expect.any(String),
      status,
      ...(field !== undefined && { field }),
    },
  });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.text).not.toMatch(/node_modules|\.ts:\d|\bat .+:\d+:\d+/);
}
