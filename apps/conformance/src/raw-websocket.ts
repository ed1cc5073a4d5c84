import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { inflateRawSync } from 'node:zlib';
import { FrameReader, opcode, writeFrame, type Frame, type FrameOptions } from './websocket-frame.ts';

/** The handshake was answered with something other than 101. */
export class HandshakeRefused extends Error {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;

  constructor(status: number, headers: IncomingHttpHeaders) {
    super(`the WebSocket handshake was answered with status ${status}`);
    this.status = status;
    this.headers = headers;
  }
}

export interface RawMessage {
  /** `opcode.text` or `opcode.binary`. */
  opcode: number;
  payload: Buffer;
}

/** What permessage-deflate ends each message with, and leaves out on the wire. */
const deflateTail = Buffer.from('0000ffff', 'hex');

/** No Close frame came (RFC 6455, 7.4.1). */
export const closedWithoutFrame = 1006;

/** A WebSocket client that does as it is told, right or wrong, and hides nothing of what comes back. */
export class RawWebSocket {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #onMessage: ((message: RawMessage) => void)[] = [];
  #parts: Frame[] = [];
  #closeCode = closedWithoutFrame;
  /** The server agreed to permessage-deflate. */
  readonly deflates: boolean;
  /** Payloads of the pongs that came. */
  readonly pongs: Buffer[] = [];
  /** Answers pings, as RFC 6455 asks. */
  answersPings = true;
  /** Answers a Close frame by one. */
  answersClose = true;
  /** Resolves with the server's close code, 1006 when TCP ended without a Close frame. */
  readonly closed: Promise<number>;
  isClosed = false;

  private constructor(socket: Socket, head: Buffer, deflates: boolean) {
    this.#socket = socket;
    this.deflates = deflates;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        this.isClosed = true;
        resolve(this.#closeCode);
      }),
    );
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('end', () => socket.end());
    if (head.length > 0) this.#receive(head);
  }

  /** Connects; rejects with `HandshakeRefused` for any answer but 101. */
  static open(url: URL, headers: Record<string, string> = {}, deflate = false): Promise<RawWebSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<RawWebSocket>();
    const secure = url.protocol === 'wss:';
    const target = new URL(url);
    target.protocol = secure ? 'https:' : 'http:';
    const extension = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover';
    const request = (secure ? httpsRequest : httpRequest)(target, {
      agent: false,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
        ...(deflate && { 'Sec-WebSocket-Extensions': extension }),
        ...headers,
      },
    });
    request.once('upgrade', (response, socket, head) => {
      const agreed = response.headers['sec-websocket-extensions'] ?? '';
      resolve(new RawWebSocket(socket as Socket, head, agreed.includes('permessage-deflate')));
    });
    request.once('response', (response) => {
      response.resume();
      reject(new HandshakeRefused(response.statusCode ?? 0, response.headers));
      request.destroy();
    });
    request.once('error', reject);
    request.end();
    return promise;
  }

  onMessage(listener: (message: RawMessage) => void): void {
    this.#onMessage.push(listener);
  }

  /** Sends one frame. Resolves when the system has taken it; never rejects: `closed` tells what became of it. */
  async sendFrame(payload: Uint8Array, options: FrameOptions = {}): Promise<void> {
    if (this.#socket.writable) await this.write(writeFrame(payload, options));
  }

  /** Writes bytes that need not be a frame. */
  async write(bytes: Uint8Array): Promise<void> {
    const taken = new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()));
    await Promise.race([taken, this.closed]);
  }

  /** Says goodbye as RFC 6455 asks: a Close frame, then waits for the server's. Answers its code. */
  async close(code = 1000): Promise<number> {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    await this.sendFrame(payload, { opcode: opcode.close });
    return this.closed;
  }

  /** Ends TCP without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Reads nothing any more: TCP's window fills, and pings stay unanswered. */
  stopReading(): void {
    this.#socket.pause();
  }

  #receive(bytes: Buffer): void {
    for (const frame of this.#frames.read(bytes)) this.#take(frame);
  }

  #take(frame: Frame): void {
    if (frame.opcode === opcode.ping) {
      if (this.answersPings) void this.sendFrame(frame.payload, { opcode: opcode.pong });
    } else if (frame.opcode === opcode.pong) {
      this.pongs.push(frame.payload);
    } else if (frame.opcode === opcode.close) {
      this.#closeCode = frame.payload.length >= 2 ? frame.payload.readUInt16BE() : 1005;
      if (this.answersClose) void this.sendFrame(frame.payload, { opcode: opcode.close });
      this.#socket.end();
    } else {
      this.#parts.push(frame);
      if (frame.final) this.#finish();
    }
  }

  #finish(): void {
    const [first] = this.#parts as [Frame];
    const whole = Buffer.concat(this.#parts.map(({ payload }) => payload));
    this.#parts = [];
    const payload = first.rsv1 ? inflateRawSync(Buffer.concat([whole, deflateTail])) : whole;
    for (const listener of this.#onMessage) listener({ opcode: first.opcode, payload });
  }
}
