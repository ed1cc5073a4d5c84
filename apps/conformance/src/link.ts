import { ServerToAgent, type ServerToAgentMessage } from '@muster/opamp/opamp';
import { NotMet } from './outcome.ts';
import { bodyOf, type HttpAnswer, type PostOptions, type RawHttp } from './raw-http.ts';
import { closedWithoutFrame, type RawWebSocket } from './raw-websocket.ts';
import type { Transport } from './transport.ts';

/** A ServerToAgent as it came. */
export interface Received {
  message: ServerToAgentMessage;
  /** The protobuf, without the WebSocket header. */
  bytes: Buffer;
  /** Unix milliseconds. */
  at: number;
}

/** How a scripted agent reaches the server. Several agents may use one. */
export interface Link {
  readonly transport: Transport;
  /** An answer that takes longer, in milliseconds, counts as none. */
  readonly patienceMs: number;
  /** All that came, for whoever, in order. */
  readonly received: Received[];
  /**
   * Sends an AgentToServer. Over HTTP it resolves when the answer has been received, and throws `NotMet`
   * when that holds no ServerToAgent.
   */
  send(agentToServer: Uint8Array): Promise<void>;
  /** Why nothing more can come, or null. */
  ended(): string | null;
  /** Ends it without a word. */
  cut(): void;
}

/** OpAMP messages over a WebSocket. */
export class WebSocketLink implements Link {
  readonly transport = 'websocket';
  readonly received: Received[] = [];
  readonly socket: RawWebSocket;
  /** What the server sent against the message format, in words. */
  readonly violations: string[] = [];
  readonly patienceMs: number;
  #closeCode: number | null = null;

  constructor(socket: RawWebSocket, patienceMs: number) {
    this.socket = socket;
    this.patienceMs = patienceMs;
    socket.onMessage(({ opcode, payload }) => {
      if (opcode !== 2) this.violations.push(`a frame of opcode ${opcode}`);
      else if (payload[0] !== 0) this.violations.push(`a message that begins with byte ${payload[0]}`);
      else this.#receive(payload.subarray(1));
    });
    void socket.closed.then((code) => (this.#closeCode = code));
  }

  send(agentToServer: Uint8Array): Promise<void> {
    return this.socket.sendFrame(Buffer.concat([Buffer.of(0), agentToServer]));
  }

  ended(): string | null {
    if (this.#closeCode === null) return null;
    return this.#closeCode === closedWithoutFrame
      ? 'the connection was cut without a Close frame'
      : `the connection was closed with code ${this.#closeCode}`;
  }

  cut(): void {
    this.socket.cut();
  }

  #receive(bytes: Buffer): void {
    try {
      this.received.push({ message: ServerToAgent.decode(bytes), bytes, at: Date.now() });
    } catch (error) {
      this.violations.push(`a message that is no ServerToAgent: ${String(error)}`);
    }
  }
}

/** OpAMP messages over plain HTTP: a POST each. */
export class HttpLink implements Link {
  readonly transport = 'http';
  readonly received: Received[] = [];
  readonly http: RawHttp;
  readonly patienceMs: number;

  constructor(http: RawHttp, patienceMs: number) {
    this.http = http;
    this.patienceMs = patienceMs;
  }

  async send(agentToServer: Uint8Array): Promise<void> {
    await this.post(agentToServer);
  }

  /** Posts and receives; throws `NotMet` when the answer holds no ServerToAgent. */
  async post(agentToServer: Uint8Array, options: PostOptions = {}): Promise<Received> {
    const received = serverToAgentOf(await this.http.post(agentToServer, options));
    this.received.push(received);
    return received;
  }

  ended(): null {
    return null;
  }

  cut(): void {
    this.http.close();
  }
}

/** The ServerToAgent in an HTTP answer; an error status may carry one, too. */
export function serverToAgentOf(answer: HttpAnswer): Received {
  const bytes = bodyOf(answer);
  if (answer.status !== 200 && bytes.length === 0) {
    throw new NotMet(`answered with status ${answer.status} and an empty body`);
  }
  try {
    return { message: ServerToAgent.decode(bytes), bytes, at: Date.now() };
  } catch {
    throw new NotMet(`answered with status ${answer.status} and a body that is no ServerToAgent`);
  }
}
