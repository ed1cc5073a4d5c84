import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TlsOptions } from './options.ts';
import type { Random } from './random.ts';
import { FrameReader, maskedFrames, opcode, type FrameListener } from './websocket-frames.ts';

/** One key serves all handshakes: it only shows that the server speaks WebSocket. */
const key = randomBytes(16).toString('base64');
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const handshakeTimeoutMs = 60_000;
const largestHead = 16_384;
const normalClosure = 1000;

export interface Target {
  host: string;
  port: number;
  path: string;
  secure: boolean;
  tls: TlsOptions;
  /** Request headers beside those of the handshake. */
  headers: Record<string, string>;
  /** Where to connect from. */
  localAddress?: string;
}

export interface ConnectionListener {
  opened(): void;
  message(bytes: Buffer): void;
  /** Room to send again after `isFull`. */
  drained(): void;
  /** It was never open, or is not any more. Called once. */
  ended(why: Ending): void;
}

export interface Ending {
  /** A few words. */
  reason: string;
  /** HTTP status of a refused handshake. */
  status: number | null;
  retryAfterSeconds: number | null;
}

/** Chunks are handled before the next is read, so that all sockets of the process can share the memory. */
const readMemory = Buffer.allocUnsafeSlow(64 * 1024);

/** A client's WebSocket on a bare socket: no streams, no copy, no object for each message. */
export class WebSocketConnection implements FrameListener {
  readonly #socket: Socket;
  readonly #listener: ConnectionListener;
  readonly #random: Random;
  readonly #reader = new FrameReader(this);
  /** Of the server's answer to the handshake; null once it is open. */
  #head: string | null = '';
  #ended = false;
  #closeCode: number | null = null;

  constructor(target: Target, listener: ConnectionListener, random: Random) {
    this.#listener = listener;
    this.#random = random;
    this.#socket = target.secure ? this.#dialTls(target) : this.#dialTcp(target);
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(handshakeTimeoutMs, () => this.#fail('no answer to the handshake'));
    this.#socket.once(target.secure ? 'secureConnect' : 'connect', () =>
      this.#socket.write(handshake(target)),
    );
    this.#socket.on('drain', () => this.#listener.drained());
    this.#socket.once('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.message));
    this.#socket.once('close', () =>
      this.#fail(this.#closeCode === null ? 'connection lost' : `closed with ${this.#closeCode}`),
    );
  }

  /** More waits to be sent than fits into the system's memory. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Sends an OpAMP message with its header. */
  send(message: Uint8Array): void {
    this.#socket.write(maskedFrames(opcode.binary, 0, message, this.#random));
  }

  /** Sends a Close frame and ends. */
  close(): void {
    const code = Buffer.allocUnsafe(2);
    code.writeUInt16BE(normalClosure);
    this.#socket.end(maskedFrames(opcode.close, null, code, this.#random));
  }

  /** Breaks it without a word; `ended` is not called. */
  cut(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  message(bytes: Buffer): void {
    this.#listener.message(bytes);
  }

  ping(payload: Buffer): void {
    this.#socket.write(maskedFrames(opcode.pong, null, payload, this.#random));
  }

  closing(code: number): void {
    this.#closeCode = code;
    this.close();
  }

  #dialTcp({ host, port, localAddress }: Target): Socket {
    const onread = {
      buffer: readMemory,
      callback: (length: number) => {
        this.#receive(readMemory.subarray(0, length));
        return true;
      },
    };
    return connectTcp({ host, port, ...(localAddress && { localAddress }), onread });
  }

  #dialTls({ host, port, tls, localAddress }: Target): Socket {
    const socket = connectTls({
      host,
      port,
      ...tls,
      ...(localAddress && { localAddress }),
      minVersion: 'TLSv1.3',
    });
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    return socket;
  }

  #receive(chunk: Buffer): void {
    try {
      if (this.#head === null) this.#reader.push(chunk);
      else this.#receiveHead(chunk);
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  #receiveHead(chunk: Buffer): void {
    this.#head += chunk.toString('latin1');
    const end = this.#head!.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.#head!.length > largestHead) this.#fail('the answer to the handshake is too long');
      return;
    }
    const head = this.#head!.slice(0, end);
    const status = Number(head.slice(9, 12));
    if (status !== 101 || !head.includes(accept)) return this.#refused(status, head);
    const rest = Buffer.from(this.#head!.slice(end + 4), 'latin1');
    this.#head = null;
    this.#socket.setTimeout(0);
    this.#listener.opened();
    if (rest.length > 0) this.#reader.push(rest);
  }

  #refused(status: number, head: string): void {
    const retryAfter = /^retry-after: *(\d+)/im.exec(head)?.[1];
    this.#end({
      reason: `status ${status}`,
      status,
      retryAfterSeconds: retryAfter === undefined ? null : Number(retryAfter),
    });
  }

  #fail(reason: string): void {
    this.#end({ reason, status: null, retryAfterSeconds: null });
  }

  #end(ending: Ending): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#listener.ended(ending);
  }
}

function handshake({ host, port, path, headers }: Target): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${lines.join('')}\r\n`
  );
}
