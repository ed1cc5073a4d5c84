import { createDeflateRaw } from 'node:zlib';
import { checkBadRequest, checkNoError, checkNoFullState } from '../answers.ts';
import { check, recommend } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overWebSocket } from '../transport.ts';
import type { RowContext } from '../row-context.ts';
import { ScriptedAgent } from '../scripted-agent.ts';
import type { WebSocketLink } from '../link.ts';
import { closedWithoutFrame } from '../raw-websocket.ts';
import { opcode } from '../websocket-frame.ts';
import { oversizeOfferRow } from './oversize-offer.ts';

const head = { maturity: 'S', over: overWebSocket } as const;
const tooBig = 1009;
const burstSize = 200;

interface SocketAgent {
  agent: ScriptedAgent;
  link: WebSocketLink;
}

async function socketAgent(context: RowContext, options: { deflate?: boolean } = {}): Promise<SocketAgent> {
  const link = await context.webSocket(options);
  return { link, agent: new ScriptedAgent(link) };
}

/** Sends raw frames, awaits the next message on the link and answers it. */
async function answerTo({ agent, link }: SocketAgent, send: () => Promise<void>, what: string) {
  const before = link.received.length;
  await send();
  await agent.until(() => link.received.length > before, `${what} was not answered`);
  return link.received[before]!.message;
}

/** The agent is still served, on the same connection. */
async function checkStillServed({ agent }: SocketAgent, after: string): Promise<void> {
  const answer = await agent.heartbeat();
  checkNoError(answer, `a heartbeat after ${after}`);
}

/** Checklist 2: WebSocket. */
export const webSocketRows: Row[] = [
  {
    ...head,
    number: '2.1',
    level: 'MUST°',
    section: 'WebSocket Message Format',
    rule: 'each message of the server is a header of one zero byte and a ServerToAgent',
    needs: 'wire',
    async run(context) {
      const { agent, link } = await socketAgent(context);
      await agent.report();
      await agent.heartbeat();
      agent.skip(5);
      await agent.heartbeat();
      check(link.violations.length === 0, `the server sent ${link.violations[0]}`);
    },
  },
  {
    ...head,
    number: '2.2',
    level: 'MUST°',
    section: 'WebSocket Transport',
    rule: 'messages are binary; a text message is malformed',
    needs: 'wire',
    async run(context) {
      const both = await socketAgent(context);
      await both.agent.report();
      const send = () => both.link.socket.sendFrame(Buffer.from('hello'), { opcode: opcode.text });
      checkBadRequest(await answerTo(both, send, 'a text message'), 'a text message');
      check(both.link.violations.length === 0, `the server sent ${both.link.violations[0]}`);
      await checkStillServed(both, 'a text message');
    },
  },
  {
    ...head,
    number: '2.3',
    level: 'SHOULD',
    section: 'WebSocket Message Format',
    rule: 'a header other than 0 makes the message malformed',
    needs: 'wire',
    async run(context) {
      const both = await socketAgent(context);
      await both.agent.report();
      const message = Buffer.concat([Buffer.of(1), both.agent.next()]);
      both.agent.sequenceNum--;
      const answer = await answerTo(
        both,
        () => both.link.socket.sendFrame(message),
        'a message with header 1',
      );
      checkBadRequest(answer, 'a message with header 1');
      checkNoFullState(await both.agent.heartbeat(), 'the next good message');
    },
  },
  {
    ...head,
    number: '2.4',
    level: 'MUST',
    section: 'WebSocket Message Format',
    rule: 'the header is a varint of 1 to 10 bytes, whatever its length',
    needs: 'wire',
    async run(context) {
      const both = await socketAgent(context);
      const { agent, link } = both;
      const withHeader = (header: string) =>
        Buffer.concat([Buffer.from(header, 'hex'), agent.next(agent.fullState)]);
      const long = await answerTo(
        both,
        () => link.socket.sendFrame(withHeader('808000')),
        'a header of 3 bytes',
      );
      checkNoError(long, 'a message with the header 80 80 00');
      const endless = () => link.socket.sendFrame(withHeader('ff'.repeat(11)));
      checkBadRequest(await answerTo(both, endless, 'a header of 11 bytes'), 'a header of 11 bytes');
      agent.sequenceNum--;
      await checkStillServed(both, 'it');
    },
  },
  {
    ...head,
    number: '2.5',
    level: 'MUST°',
    section: 'WebSocket Message Format',
    rule: 'a header without data is an empty message, which lacks the uid',
    needs: 'wire',
    async run(context) {
      const both = await socketAgent(context);
      await both.agent.report();
      const send = () => both.link.socket.sendFrame(Buffer.of(0));
      checkBadRequest(await answerTo(both, send, 'an empty message'), 'an empty message');
      await checkStillServed(both, 'an empty message');
    },
  },
  {
    ...head,
    number: '2.6',
    level: 'MUST',
    section: 'Status Reporting',
    rule: 'each of many messages in a burst is answered, in order',
    needs: 'wire',
    async run(context) {
      const { agent } = await socketAgent(context);
      await agent.report();
      const reports = Array.from({ length: burstSize }, (_, i) =>
        agent.next({ health: { healthy: true, startTimeUnixNano: 1, status: `report ${i}` } }),
      );
      await agent.burst(reports);
      await agent.until(
        () => agent.received.length > burstSize,
        `not all of ${burstSize} reports were answered`,
      );
      for (const { message } of agent.received) {
        checkNoError(message, 'a report of the burst');
        checkNoFullState(message, 'a report of the burst');
      }
    },
  },
  {
    ...head,
    number: '2.7',
    level: 'MUST°',
    section: 'WebSocket Message Exchange',
    rule: 'the server may speak first: an idle agent is pushed what changes',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      const before = agent.received.length;
      await context.operator.assignConfig(agent.key, 'receivers: {} # pushed\n');
      await agent.hear((message) => message.remoteConfig != null, 'nothing was pushed', { after: before });
    },
  },
  {
    ...head,
    number: '2.8',
    level: 'MUST',
    section: 'WebSocket Message Size Limits',
    rule: 'messages over the limit are not taken, also when they only grow over it by inflation',
    needs: 'wire',
    alone: true,
    async run(context) {
      const { maxMessageBytes } = context.target;
      const plain = await socketAgent(context);
      await plain.link.socket.sendFrame(oversized(plain.agent, maxMessageBytes + 1));
      await checkRefused(plain, 'a message over the limit');
      const packed = await socketAgent(context, { deflate: true });
      if (!packed.link.socket.deflates) return;
      const bomb = await deflate(oversized(packed.agent, maxMessageBytes + 1));
      await packed.link.socket.sendFrame(bomb, { rsv1: true });
      await checkRefused(packed, 'a message that inflates to more than the limit');
    },
  },
  {
    ...head,
    number: '2.9',
    level: 'MUST',
    section: 'WebSocket Message Size Limits',
    rule: 'a message over the limit is malformed; the connection should be closed with 1009',
    needs: 'wire',
    alone: true,
    async run(context) {
      const both = await socketAgent(context);
      const { agent, link } = both;
      await agent.report();
      await link.socket.sendFrame(oversized(agent, context.target.maxMessageBytes + 1));
      await checkRefused(both, 'a message over the limit');
      const code = link.socket.isClosed ? await link.socket.closed : null;
      recommend(code === tooBig, code === null ? 'the connection stays open' : `the close code is ${code}`);
      agent.moveTo(await context.webSocket());
      checkNoError(await agent.heartbeat(), 'a heartbeat on the next connection');
    },
  },
  oversizeOfferRow('2.10', 'WebSocket Message Size Limits', overWebSocket),
  {
    ...head,
    number: '2.11',
    level: 'MUST',
    section: 'Closing Connection: Server Initiated',
    rule: 'the server ends a connection with a Close frame',
    needs: 'operator',
    async run(context) {
      const { token, revoke } = await context.operator.makeToken();
      const link = await context.webSocket({ token });
      await context.reported({}, link);
      await revoke();
      const code = await link.socket.closed;
      check(
        code !== closedWithoutFrame,
        'the connection of a revoked credential was cut without a Close frame',
      );
    },
  },
  {
    ...head,
    number: '2.12',
    level: 'MUST°',
    section: 'Closing Connection: Client Initiated',
    rule: "the agent's agent_disconnect is answered, and its Close frame by one",
    needs: 'wire',
    async run(context) {
      const { agent, link } = await socketAgent(context);
      await agent.report();
      await agent.exchange({ agentDisconnect: {} });
      const code = await link.socket.close(1000);
      check(code !== closedWithoutFrame, 'the Close frame was not answered by one');
      if (!context.mayHaveOperator) return;
      await context.shows(agent, ({ connected }) => !connected, 'still shown as connected after its goodbye');
    },
  },
  {
    ...head,
    number: '2.13',
    level: 'MUST°',
    section: 'WebSocket Transport',
    rule: 'RFC 6455: fragments are joined, and a ping between them is answered',
    needs: 'wire',
    async run(context) {
      const both = await socketAgent(context);
      const { agent, link } = both;
      const report = Buffer.concat([Buffer.of(0), agent.next(agent.fullState)]);
      const answer = await answerTo(both, () => sendInFragments(link, report), 'a message in fragments');
      checkNoError(answer, 'a message in fragments');
      await agent.until(() => link.socket.pongs.length > 0, 'a ping between fragments got no pong');
      check(
        link.socket.pongs[0]!.toString() === 'how are you',
        'the pong does not carry what the ping carried',
      );
    },
  },
];

/** A message of `size` bytes with its header: well-formed, were it not for its size. */
function oversized(agent: ScriptedAgent, size: number): Buffer {
  const body = Buffer.alloc(size - 200, 'a');
  const effectiveConfig = { configMap: { configMap: { '': { body } } } };
  const message = Buffer.concat([Buffer.of(0), agent.next({ effectiveConfig })]);
  return message.length >= size ? message : Buffer.concat([message, padding(size - message.length)]);
}

/** Bytes of a field nobody knows. */
function padding(length: number): Buffer {
  const long = length >= 131; // the length of the field takes a second byte
  const body = length - (long ? 4 : 3);
  const head = long ? [0x82, 0x7d, 0x80 | (body & 0x7f), body >> 7] : [0x82, 0x7d, body];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(Math.max(0, body))]);
}

/** Closed, cut, or answered by an error; not taken. */
async function checkRefused({ agent, link }: SocketAgent, what: string): Promise<void> {
  const before = link.received.length;
  const reacted = () => link.received.length > before || link.socket.isClosed;
  await agent.until(reacted, `${what} was neither answered nor refused`);
  if (link.received.length > before) checkBadRequest(link.received[before]!.message, what);
}

async function sendInFragments(link: WebSocketLink, message: Buffer): Promise<void> {
  const size = 40;
  for (let at = 0; at < message.length; at += size) {
    const final = at + size >= message.length;
    const code = at === 0 ? opcode.binary : opcode.continuation;
    await link.socket.sendFrame(message.subarray(at, at + size), { opcode: code, final });
    if (at === size) await link.socket.sendFrame(Buffer.from('how are you'), { opcode: opcode.ping });
  }
}

/** As permessage-deflate has it: a block flushed, without the tail. */
async function deflate(message: Buffer): Promise<Buffer> {
  const stream = createDeflateRaw();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.write(message);
  await new Promise<void>((resolve) => stream.flush(() => resolve()));
  stream.close();
  return Buffer.concat(chunks).subarray(0, -4);
}
