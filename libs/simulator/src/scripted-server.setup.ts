import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AgentToServer,
  ServerToAgent,
  type AgentToServerFields,
  type ServerToAgentFields,
} from '@muster/opamp/opamp';
import { WebSocketServer, type WebSocket } from 'ws';

type Said = ReturnType<typeof AgentToServer.decode>;

/** What the server got: who said it, on which connection. */
export interface Heard {
  uid: string;
  connection: number;
  message: Said;
  at: number;
}

/** An OpAMP server that keeps what it hears and answers as a test tells it to. */
export class ScriptedServer {
  readonly heard: Heard[] = [];
  readonly sockets: WebSocket[] = [];
  readonly authorizations = new Set<string | undefined>();
  /** Close codes of agents that ended their connection. */
  readonly closes: number[] = [];
  /** Added to the plain answer. */
  answerWith: (said: Said, heard: Heard) => ServerToAgentFields = () => ({});
  /** Seconds: how connections are turned away, in order; then they are let in. */
  refusals: number[] = [];
  #connections = 0;
  readonly #http: Server;
  readonly #webSockets = new WebSocketServer({ noServer: true });

  private constructor() {
    this.#http = createServer((request, response) => void this.#post(request, response));
    this.#http.on('upgrade', (request: IncomingMessage, socket, head) => {
      this.authorizations.add(request.headers.authorization);
      const retryAfter = this.refusals.shift();
      if (retryAfter !== undefined) {
        socket.end(`HTTP/1.1 503 Service Unavailable\r\nRetry-After: ${retryAfter}\r\n\r\n`);
        return;
      }
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket));
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    server.#http.listen(0, '127.0.0.1');
    await once(server.#http, 'listening');
    return server;
  }

  url(scheme: 'ws' | 'http'): string {
    return `${scheme}://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1/opamp`;
  }

  /** Sends a message to the agent `uid`, unasked, on its last connection. */
  push(uid: string, fields: ServerToAgentFields): void {
    const connection = this.heard.findLast((heard) => heard.uid === uid)!.connection;
    this.sockets[connection]!.send(framed({ instanceUid: Buffer.from(uid, 'hex'), ...fields }));
  }

  of(uid: string): AgentToServerFields[] {
    return this.heard.filter((heard) => heard.uid === uid).map(({ message }) => message);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }

  #serve(socket: WebSocket): void {
    const connection = this.#connections++;
    this.sockets.push(socket);
    socket.on('error', () => {});
    socket.on('close', (code) => this.closes.push(code));
    socket.on('message', (data: Buffer) => {
      socket.send(framed(this.#hear(data.subarray(1), connection)));
    });
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const retryAfter = this.refusals.shift();
    if (retryAfter !== undefined) {
      response.writeHead(503, { 'Retry-After': retryAfter }).end();
      return;
    }
    response.end(ServerToAgent.encode(this.#hear(Buffer.concat(chunks), -1)).finish());
  }

  #hear(bytes: Buffer, connection: number): ServerToAgentFields {
    const message = AgentToServer.decode(bytes);
    const uid = Buffer.from(message.instanceUid).toString('hex');
    const heard = { uid, connection, message, at: performance.now() };
    this.heard.push(heard);
    return { instanceUid: message.instanceUid, capabilities: 7, ...this.answerWith(message, heard) };
  }
}

function framed(fields: ServerToAgentFields): Buffer {
  return Buffer.concat([Buffer.of(0), ServerToAgent.encode(fields).finish()]);
}
