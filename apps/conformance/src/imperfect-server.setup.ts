import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  AgentToServer,
  ServerToAgent,
  type AgentToServerFields,
  type ServerToAgentFields,
} from '@muster/opamp/opamp';
import { WebSocketServer, type WebSocket } from 'ws';

/** What the server does wrong. Without any of these it keeps the rules that the tests ask about. */
export type Fault =
  | 'writes header 1'
  | 'takes any header'
  | 'says nothing to malformed messages'
  | 'says nothing to text'
  | 'has no limits'
  | 'closes with 1000 over the limit'
  | 'cuts without a Close frame'
  | 'never says what it can'
  | 'sets reserved bits'
  | 'never asks for the full state'
  | 'always asks for the full state'
  | 'counts messages by connection'
  | 'answers under the new uid'
  | 'takes any uid'
  | 'gives everyone one uid'
  | 'gives uids of version 4'
  | 'lets everyone in'
  | 'always packs'
  | 'never packs'
  | 'puts capabilities beside errors'
  | 'offers packages without the bit'
  | 'announces custom capabilities again and again'
  | 'sends errors to bystanders'
  | 'is at every path'
  | 'answers every other message';

export const token = 'let me in';
export const limit = 64 * 1024;

interface Imperfect {
  url: URL;
  close(): void;
}

const badRequest = 1;

/** A small OpAMP server for the tests of the suite: right but for its faults. */
export async function startImperfectServer(...faults: Fault[]): Promise<Imperfect> {
  const has = (fault: Fault) => faults.includes(fault);
  const lastNumbers = new Map<string, number>();
  const sockets = new Set<WebSocket>();
  let messages = 0;

  function refusal(uid: Uint8Array | null, errorMessage: string): ServerToAgentFields {
    return {
      ...(uid && { instanceUid: uid }),
      ...(has('puts capabilities beside errors') && { capabilities: 1 }),
      errorResponse: { type: badRequest, errorMessage },
    };
  }

  function answer(bytes: Uint8Array, connection: object): ServerToAgentFields | null {
    messages++;
    if (has('answers every other message') && messages % 2 === 0) return null;
    let message;
    try {
      message = AgentToServer.decode(bytes);
    } catch (error) {
      return has('says nothing to malformed messages') ? null : refusal(null, `health: ${String(error)}`);
    }
    const uid = message.instanceUid;
    if (uid.length !== 16 && !has('takes any uid')) return refusal(null, `instance_uid: ${uid.length} bytes`);
    const capabilities = has('never says what it can') ? 0 : has('sets reserved bits') ? 0x81 : 1;
    if (Number(message.flags) === 1) {
      const newInstanceUid = uidOfVersion(has('gives uids of version 4') ? 4 : 7);
      if (has('gives everyone one uid')) newInstanceUid.fill(7);
      const instanceUid = has('answers under the new uid') ? newInstanceUid : uid;
      return { instanceUid, capabilities, agentIdentification: { newInstanceUid } };
    }
    return {
      instanceUid: uid,
      capabilities,
      flags: mustReport(message, connection) ? 1 : 0,
      ...(has('offers packages without the bit') && {
        packagesAvailable: { allPackagesHash: Buffer.from('x') },
      }),
      ...(has('announces custom capabilities again and again') && { customCapabilities: {} }),
    };
  }

  function mustReport(message: AgentToServerFields, connection: object): boolean {
    if (has('always asks for the full state')) return true;
    if (has('never asks for the full state')) return false;
    const key = has('counts messages by connection')
      ? idOf(connection)
      : Buffer.from(message.instanceUid ?? []).toString('hex');
    const last = lastNumbers.get(key);
    const number = Number(message.sequenceNum);
    lastNumbers.set(key, number);
    return number !== (last ?? -2) + 1 && number !== last && !message.agentDescription;
  }

  const ids = new WeakMap<object, string>();
  const idOf = (connection: object) => {
    if (!ids.has(connection)) ids.set(connection, randomBytes(8).toString('hex'));
    return ids.get(connection)!;
  };
  const isLetIn = ({ headers }: IncomingMessage) =>
    has('lets everyone in') || headers.authorization === `Bearer ${token}`;
  const isEndpoint = ({ url }: IncomingMessage) => has('is at every path') || url === '/v1/opamp';

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number) => response.writeHead(status).end();
    if (!isEndpoint(request)) return void end(404);
    if (!isLetIn(request)) return void end(401);
    if (request.headers['content-type']?.toLowerCase().split(';')[0] !== 'application/x-protobuf')
      return void end(426);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    let body = Buffer.concat(chunks);
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'gzip' && encoding !== 'identity') return void end(415);
    try {
      if (encoding === 'gzip') body = gunzipSync(body);
    } catch {
      return void end(400);
    }
    if (body.length > limit && !has('has no limits')) return void end(413);
    const fields = answer(body, request.socket);
    if (fields === null) return void end(400);
    const accept = request.headers['accept-encoding'] ?? '';
    const wantsPacked = /(gzip|\*)/.test(accept) && !/gzip;q=0(,|$)/.test(accept);
    const isPacked = has('always packs') || (wantsPacked && !has('never packs'));
    const bytes = ServerToAgent.encode(fields).finish();
    response.writeHead(200, {
      'content-type': 'application/x-protobuf',
      ...(isPacked && { 'content-encoding': 'gzip' }),
    });
    response.end(isPacked ? gzipSync(bytes) : bytes);
  }

  const server = createServer(
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: true, maxPayload: 1 << 30 });
  server.on('upgrade', (request, socket, head) => {
    const status = isEndpoint(request) ? (isLetIn(request) ? 0 : 401) : 404;
    if (status !== 0) socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    else webSockets.handleUpgrade(request, socket, head, (webSocket) => converse(webSocket));
  });

  function converse(socket: WebSocket): void {
    sockets.add(socket);
    const send = (fields: ServerToAgentFields, sent = () => {}) => {
      const header = Buffer.of(has('writes header 1') ? 1 : 0);
      socket.send(Buffer.concat([header, ServerToAgent.encode(fields).finish()]), sent);
    };
    socket.on('error', () => {});
    socket.on('message', (data: Buffer, isBinary) => {
      if (data.length > limit && !has('has no limits')) {
        socket.close(has('closes with 1000 over the limit') ? 1000 : 1009);
        return;
      }
      if (!isBinary) return has('says nothing to text') ? undefined : send(refusal(null, 'a text message'));
      const start = headerLength(data);
      if ((start === null || data[0]! % 0x80 !== 0) && !has('takes any header')) {
        return send(refusal(null, 'header is not 0'));
      }
      const fields = answer(data.subarray(start ?? 1), socket);
      const isGoodbye =
        has('cuts without a Close frame') && AgentToServer.decode(data.subarray(1)).agentDisconnect;
      if (fields) send(fields, () => isGoodbye && socket.terminate());
      if (fields?.errorResponse && has('sends errors to bystanders')) {
        for (const other of sockets) {
          other.send(
            Buffer.concat([Buffer.of(0), ServerToAgent.encode(refusal(null, 'yours too')).finish()]),
          );
        }
      }
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`ws://127.0.0.1:${port}/v1/opamp`),
    close() {
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Bytes of the varint that a message begins with; null: too long, or the message ends in it. */
function headerLength(data: Buffer): number | null {
  const last = data.findIndex((byte) => byte < 0x80);
  return last === -1 || last > 9 ? null : last + 1;
}

function uidOfVersion(version: number): Buffer {
  const uid = randomBytes(16);
  uid[6] = (uid[6]! & 0x0f) | (version << 4);
  uid[8] = (uid[8]! & 0x3f) | 0x80;
  return uid;
}
