import { checkNoError, checkNoFullState } from '../answers.ts';
import { check } from '../outcome.ts';
import { RawHttp } from '../raw-http.ts';
import { HandshakeRefused, RawWebSocket } from '../raw-websocket.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';
import { ScriptedAgent } from '../scripted-agent.ts';

const section = 'Communication Model';
const defaultPath = '/v1/opamp';

/** Checklist 1: endpoint and transport choice. */
export const endpointRows: Row[] = [
  {
    number: '1.1',
    level: 'SHOULD',
    maturity: 'S',
    section,
    rule: 'both transports are served at one address',
    over: overBoth,
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      checkNoError(await agent.heartbeat(), 'a heartbeat');
    },
  },
  {
    number: '1.2',
    level: 'MUST°',
    maturity: 'S',
    section,
    rule: 'the path is /v1/opamp unless configured; other paths are not the endpoint',
    over: overBoth,
    needs: 'wire',
    async run(context) {
      check(
        context.target.url.pathname === defaultPath,
        `the suite was given the path ${context.target.url.pathname}`,
      );
      const elsewhere = context.url(context.transport, '/nothing-here');
      let status = 101;
      if (context.transport === 'http') {
        const agent = new ScriptedAgent(context.http());
        status = (await context.rawHttp(elsewhere, context.headers()).post(agent.next(agent.fullState)))
          .status;
      } else {
        await RawWebSocket.open(elsewhere, context.headers()).then(
          (socket) => socket.cut(),
          (error: unknown) => {
            if (!(error instanceof HandshakeRefused)) throw error;
            status = error.status;
          },
        );
      }
      check(status >= 400 && status < 500, `another path was answered with status ${status}`);
      await context.reported();
    },
  },
  {
    number: '1.3',
    level: 'SHOULD',
    maturity: 'S',
    section,
    rule: 'the port is 4320 by default',
    over: overBoth,
    needs: 'elsewhere',
    why: 'the server would have to be started without settings',
  },
  {
    number: '1.4',
    level: 'SHOULD',
    maturity: 'S',
    section: 'Plain HTTP Transport',
    rule: 'Content-Type application/x-protobuf means plain HTTP, anything else a WebSocket handshake',
    over: overBoth,
    needs: 'wire',
    async run(context) {
      await context.reported();
      const http = new RawHttp(context.url('http'), context.headers());
      context.onEnd(() => http.close());
      const withoutUpgrade = await http.post(null, {
        method: 'GET',
        headers: { 'Content-Type': 'text/plain' },
      });
      const { status } = withoutUpgrade;
      check(status >= 400 && status < 500, `a GET without Upgrade was answered with status ${status}`);
      if (context.transport === 'websocket') return;
      const agent = new ScriptedAgent(context.http());
      for (const type of ['application/x-protobuf; charset=utf-8', 'Application/X-Protobuf']) {
        const answer = await http.post(agent.next(agent.fullState), { headers: { 'Content-Type': type } });
        check(answer.status === 200, `a POST of type ${type} was answered with status ${answer.status}`);
      }
    },
  },
  {
    number: '1.5',
    level: 'MUST°',
    maturity: 'S',
    section: 'ServerToAgent.instance_uid',
    rule: 'several agents may share a connection: each is answered by its own uid and counted by itself',
    over: overBoth,
    needs: 'wire',
    async run(context) {
      const link = await context.link();
      const agents = [await context.agent({}, link), await context.agent({}, link)];
      agents[1]!.skip(40); // each has numbers of its own
      for (const agent of agents) checkNoError(await agent.report(), 'a full report');
      for (let round = 0; round < 3; round++) {
        for (const agent of agents) {
          const answer = await agent.heartbeat();
          checkNoError(answer, 'a heartbeat');
          checkNoFullState(answer, 'a heartbeat in turn with another agent');
        }
      }
      check(link.received.length === 8, `8 messages brought ${link.received.length} answers`);
    },
  },
];
