import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { ServerToAgent } from '@muster/opamp/opamp';
import { checkNoError, checkNoFullState, checkPlain } from '../answers.ts';
import { encode, field } from '../messages.ts';
import { check, recommend } from '../outcome.ts';
import { bodyOf, protobufType } from '../raw-http.ts';
import type { Row } from '../row.ts';
import { overHttp } from '../transport.ts';
import type { RowContext } from '../row-context.ts';
import { sameBytes, ScriptedAgent, uuidOf } from '../scripted-agent.ts';
import { oversizeOfferRow } from './oversize-offer.ts';
import type { HttpLink } from '../link.ts';

const head = { maturity: 'S', over: overHttp } as const;
const stalledBodies = 200;
const promptMs = 1_000;

/** An agent with its link, as what it is. */
function httpAgent(context: RowContext): { agent: ScriptedAgent; link: HttpLink } {
  const link = context.http();
  return { agent: new ScriptedAgent(link), link };
}

/** Checklist 3: plain HTTP. */
export const httpRows: Row[] = [
  {
    ...head,
    number: '3.1',
    level: 'MUST°',
    section: 'Plain HTTP Transport',
    rule: 'a POST of an AgentToServer is answered with 200, application/x-protobuf and a ServerToAgent',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      const answer = await link.http.post(agent.next(agent.fullState));
      check(answer.status === 200, `answered with status ${answer.status}`);
      const type = answer.headers['content-type'] ?? '';
      check(type.split(';')[0] === protobufType, `answered with Content-Type "${type}"`);
      const { instanceUid } = ServerToAgent.decode(answer.sent);
      check(sameBytes(instanceUid, agent.uid), 'the answer carries another uid');
    },
  },
  {
    ...head,
    number: '3.2',
    level: 'MUST',
    section: 'Plain HTTP Transport',
    rule: 'bodies may be gzip or identity; broken gzip and other encodings are refused',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      const encoded = (name: string) => ({ headers: { 'Content-Encoding': name } });
      const packed = await link.post(gzipSync(agent.next(agent.fullState)), encoded('gzip'));
      checkNoError(packed.message, 'a gzipped body');
      checkNoFullState((await link.post(agent.next(), encoded('identity'))).message, 'the message after it');
      const broken = gzipSync(agent.next()).fill(0xff, 12);
      const refusals = { gzip: broken, snappy: agent.next() };
      for (const [name, body] of Object.entries(refusals)) {
        const { status } = await link.http.post(body, encoded(name));
        const what = name === 'gzip' ? 'broken gzip' : `Content-Encoding ${name}`;
        check(status >= 400 && status < 500, `${what} was answered with status ${status}`);
      }
    },
  },
  {
    ...head,
    number: '3.3',
    level: 'SHOULD',
    section: 'Plain HTTP Transport',
    rule: 'the answer is gzipped when Accept-Encoding allows it, q-values and * included, and only then',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      await link.post(agent.next(agent.fullState));
      const wanted: [string | null, boolean][] = [
        ['gzip', true],
        ['gzip;q=0.5, identity;q=0.1', true],
        ['br, *', true],
        [null, false],
        ['gzip;q=0', false],
        ['*, gzip;q=0', false],
        ['identity', false],
      ];
      for (const [accept, gzip] of wanted) {
        const headers: Record<string, string> = accept === null ? {} : { 'Accept-Encoding': accept };
        const answer = await link.http.post(agent.next(), { headers });
        const got = answer.headers['content-encoding'] === 'gzip';
        const name = accept === null ? 'no Accept-Encoding' : `Accept-Encoding "${accept}"`;
        if (gzip) recommend(got, `${name} was answered without gzip`);
        else check(!got, `${name} was answered with gzip`);
        ServerToAgent.decode(got ? gunzipSync(answer.sent) : answer.sent);
      }
    },
  },
  {
    ...head,
    number: '3.4',
    level: 'MUST°',
    section: 'Plain HTTP Transport',
    rule: 'a poll may hold nothing but the uid, and changes nothing',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      await link.post(agent.next(agent.fullState));
      const bare = await link.post(encode({ instanceUid: agent.uid }));
      checkPlain(bare.message, 'a bare poll');
      checkNoFullState(await agent.heartbeat(), 'the heartbeat after a bare poll');
      if (!context.mayHaveOperator) return;
      const kept = 'the attributes or capabilities are gone after a bare poll';
      await context.shows(
        agent,
        ({ identifying, capabilities }) =>
          identifying['service.name'] === 'conformance' && capabilities.includes('AcceptsRemoteConfig'),
        kept,
      );
    },
  },
  {
    ...head,
    number: '3.5',
    level: 'MUST°',
    section: 'Plain HTTP Transport',
    rule: 'what waits for an agent goes out in the answer to its next poll, once',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # polled\n');
      await agent.hear((message) => message.remoteConfig != null, 'no poll brought the configuration');
      for (let poll = 0; poll < 3; poll++) {
        const again = await agent.heartbeat();
        check(!again.remoteConfig, 'a later poll brought the same configuration again');
      }
    },
  },
  {
    ...head,
    number: '3.6',
    level: 'MAY',
    section: 'Plain HTTP Transport',
    rule: 'the header OpAMP-Instance-UID is a hint: the body decides who speaks',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      const other = uuidOf(new ScriptedAgent(link).uid);
      for (const uid of [agent.uuid, other, 'nonsense']) {
        const headers = { 'OpAMP-Instance-UID': uid };
        const { message } = await link.post(agent.next(agent.fullState), { headers });
        checkNoError(message, 'a POST with the header');
        check(sameBytes(message.instanceUid, agent.uid), "the answer carries another uid than the body's");
      }
    },
  },
  {
    ...head,
    number: '3.7',
    level: 'MUST',
    section: 'Plain HTTP Message Size Limits',
    rule: 'a body over the limit, before or after decompression, is refused with 413',
    needs: 'wire',
    alone: true,
    async run(context) {
      const { agent, link } = httpAgent(context);
      await link.post(agent.next(agent.fullState));
      const size = context.target.maxMessageBytes + 1;
      const plain = Buffer.concat([agent.next(), field(2_000, Buffer.alloc(size, 'a'))]);
      const large = await link.http.post(plain, { keepAlive: false });
      check(large.status === 413, `a body over the limit was answered with status ${large.status}`);
      const bomb = { headers: { 'Content-Encoding': 'gzip' }, keepAlive: false };
      const inflated = await link.http.post(gzipSync(plain), bomb);
      check(
        inflated.status === 413,
        `a body that inflates over the limit was answered with status ${inflated.status}`,
      );
    },
  },
  oversizeOfferRow('3.8', 'Plain HTTP Message Size Limits', overHttp),
  {
    ...head,
    number: '3.9',
    level: 'MUST°',
    section: 'Closing Connection: Plain HTTP',
    rule: 'agent_disconnect ends the presence of an agent at once, over HTTP too',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await agent.exchange({ agentDisconnect: {} });
      await context.shows(agent, ({ connected }) => !connected, 'still shown as connected after its goodbye');
    },
  },
  {
    ...head,
    number: '3.10',
    level: 'MAY',
    section: 'Closing Connection: Plain HTTP',
    rule: 'TCP connections mean nothing: an agent may use another one for each poll',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      await link.post(agent.next(agent.fullState), { keepAlive: false });
      for (let poll = 0; poll < 3; poll++) {
        const { message } = await link.post(agent.next(), { keepAlive: false });
        checkNoError(message, 'a poll on a new TCP connection');
        checkNoFullState(message, 'a poll on a new TCP connection');
      }
      if (!context.mayHaveOperator) return;
      await pause(3_000);
      await context.shows(agent, ({ connected }) => connected, 'shown as disconnected after TCP closed');
    },
  },
  {
    ...head,
    number: '3.11',
    level: 'MUST°',
    section: 'Plain HTTP Transport',
    rule: 'chunked bodies are taken, and stalled ones hold nobody up',
    needs: 'wire',
    alone: true,
    async run(context) {
      const { agent, link } = httpAgent(context);
      const chunked = link.http.open();
      for (const byte of agent.next(agent.fullState)) chunked.request.write(Buffer.of(byte));
      chunked.request.end();
      const answer = await chunked.answer;
      check(answer.status === 200, `a body in chunks of one byte was answered with status ${answer.status}`);
      ServerToAgent.decode(bodyOf(answer));
      for (let i = 0; i < stalledBodies; i++) {
        const { request } = context.http().http.open({ headers: { 'Content-Length': '1000' } });
        request.write(Buffer.of(0x0a));
      }
      await pause(300);
      const started = performance.now();
      checkNoError(await agent.heartbeat(), 'a heartbeat');
      const tookMs = Math.round(performance.now() - started);
      check(tookMs < promptMs, `beside ${stalledBodies} stalled bodies an answer took ${tookMs} ms`);
    },
  },
  {
    ...head,
    number: '3.12',
    level: 'MUST°',
    section: 'Plain HTTP Transport',
    rule: 'two requests of one agent may overlap: both are answered, the older never overwrites the newer',
    needs: 'wire',
    async run(context) {
      const { agent, link } = httpAgent(context);
      await link.post(agent.next(agent.fullState));
      const said = (status: string) => ({ health: { healthy: true, startTimeUnixNano: 1, status } });
      const older = agent.next(said('older'));
      const newer = agent.next(said('newer'));
      const slow = link.http.open({ headers: { 'Content-Length': String(older.length) } });
      slow.request.write(older.subarray(0, 10));
      checkNoError((await link.post(newer)).message, 'the newer of two overlapping requests');
      slow.request.end(older.subarray(10));
      const { status } = await slow.answer;
      check(status === 200, `the older of two overlapping requests was answered with status ${status}`);
      if (!context.mayHaveOperator) return;
      await pause(1_000);
      const isNewer = ({ health }: { health: { status: string } | null }) => health?.status === 'newer';
      await context.shows(agent, isNewer, 'the older report overwrote the newer one');
    },
  },
];
