import { gzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { ServerToAgent, type ServerToAgentMessage } from './opamp.ts';

/** How a fake agent talks to a server. Answers come back to `onMessage`, whoever they are for. */
export interface FakeConnection {
  onMessage(listener: (message: ServerToAgentMessage) => void): void;
  /** Sends an encoded AgentToServer. Over HTTP it resolves when the answer has been heard. */
  send(message: Uint8Array): Promise<void>;
  /** Ends it as a well-behaved client does. */
  close(): Promise<void>;
  /** Breaks it without a word. */
  cut(): Promise<void>;
}

/** A server's refusal, by HTTP status. */
export class ConnectionRefused extends Error {
  readonly code = 'connection-refused';
  readonly status: number;
  /** Seconds, when the server said how long to wait. */
  readonly retryAfter: number | null;

  constructor(status: number, retryAfter: string | null | undefined) {
    super(`refused with status ${status}`);
    this.status = status;
    this.retryAfter = retryAfter ? Number(retryAfter) : null;
  }
}

/** OpAMP over WebSocket; several fake agents may share one. */
export class FakeWebSocket implements FakeConnection {
  readonly #socket: WebSocket;
  readonly #listeners: ((message: ServerToAgentMessage) => void)[] = [];
  /** Resolves with the close code when the socket is closed; 1006 when it broke. */
  readonly closed: Promise<number>;
  /** Every message as it came, header and all. */
  readonly frames: Buffer[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('message', (data) => this.#receive(data as Buffer));
    socket.on('error', () => {});
  }

  /**
   * Connects; rejects with `ConnectionRefused` when the server answers the handshake otherwise. Without
   * `autoPong` it answers no ping, as a connection that hangs in the air.
   */
  static async open(
    url: string,
    headers: Record<string, string>,
    options: { autoPong?: boolean } = {},
  ): Promise<FakeWebSocket> {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false, ...options });
    const connection = new FakeWebSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', (request, response) => {
        reject(new ConnectionRefused(response.statusCode ?? 0, response.headers['retry-after']));
        request.destroy();
      });
    });
    return connection;
  }

  onMessage(listener: (message: ServerToAgentMessage) => void): void {
    this.#listeners.push(listener);
  }

  async send(message: Uint8Array): Promise<void> {
    await this.sendRaw(Buffer.concat([Buffer.of(0), message]));
  }

  /** Sends bytes as they are, or text as a text message. */
  async sendRaw(data: Uint8Array | string): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#socket.send(data, (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Reads nothing any more. */
  stopReading(): void {
    this.#socket.pause();
  }

  async close(): Promise<void> {
    this.#socket.close(1000);
    await this.closed;
  }

  async cut(): Promise<void> {
    this.#socket.terminate();
    await this.closed;
  }

  #receive(frame: Buffer): void {
    this.frames.push(frame);
    const message = ServerToAgent.decode(frame.subarray(1));
    for (const listener of this.#listeners) listener(message);
  }
}

/** OpAMP over plain HTTP. */
export class FakeHttp implements FakeConnection {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #gzip: boolean;
  readonly #listeners: ((message: ServerToAgentMessage) => void)[] = [];
  /** A client has one request under way. */
  #underWay: Promise<void> = Promise.resolve();

  /** `gzip` compresses what is sent; answers may come compressed either way. */
  constructor(url: string, headers: Record<string, string>, gzip = false) {
    this.#url = url;
    this.#headers = headers;
    this.#gzip = gzip;
  }

  onMessage(listener: (message: ServerToAgentMessage) => void): void {
    this.#listeners.push(listener);
  }

  /** Rejects with `ConnectionRefused` for any status but 200. */
  async send(message: Uint8Array): Promise<void> {
    const turn = this.#underWay.then(() => this.#post(message));
    this.#underWay = turn.catch(() => {});
    await turn;
  }

  async #post(message: Uint8Array): Promise<void> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        ...(this.#gzip && { 'content-encoding': 'gzip' }),
        ...this.#headers,
      },
      body: new Uint8Array(this.#gzip ? gzipSync(message) : message),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    if (response.status !== 200)
      throw new ConnectionRefused(response.status, response.headers.get('retry-after'));
    const answer = ServerToAgent.decode(body);
    for (const listener of this.#listeners) listener(answer);
  }

  async close(): Promise<void> {}

  async cut(): Promise<void> {}
}
