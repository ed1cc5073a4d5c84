import type { WebSocket } from 'uWebSockets.js';
import { badRequest, unavailable } from '@muster/opamp/server-to-agent';
import type { AgentLink, CloseReason, Refusal } from './agent-link.ts';
import { neverSpoke, type Watched, type WebSocketWatch } from './websocket-watch.ts';

/** What `send` answers: it waits behind what the client has not read; it was not sent, too much waits already. */
const waiting = 0;
const dropped = 2;

/** A WebSocket. µWebSockets copies what is sent, and must not be touched after the close. */
export class WebSocketLink implements AgentLink, Watched {
  readonly transport = 'websocket';
  readonly remoteAddress: string;
  readonly #socket: WebSocket<unknown>;
  readonly #watch: WebSocketWatch;
  #open = true;
  heardAt: number;
  messageAt: number;
  readonly openedAt: number;

  constructor(socket: WebSocket<unknown>, remoteAddress: string, watch: WebSocketWatch) {
    this.#socket = socket;
    this.#watch = watch;
    this.remoteAddress = remoteAddress;
    this.heardAt = watch.tick;
    this.openedAt = watch.tick;
    this.messageAt = neverSpoke;
  }

  send(message: Uint8Array): boolean {
    if (!this.#open) return false;
    const outcome = this.#socket.send(message, true, false);
    if (outcome === waiting) this.#watch.fellBehind(this);
    else if (outcome === dropped) this.#watch.overflowed(this);
    return outcome !== dropped;
  }

  refuse(refusal: Refusal): void {
    const { instanceUid } = refusal;
    this.send(
      refusal.kind === 'unavailable'
        ? unavailable(instanceUid, 'the server is overloaded', refusal.retryAfterSeconds)
        : badRequest(instanceUid, refusal.reason),
    );
  }

  close({ code, text }: CloseReason): void {
    // Closing calls back at once, and the socket is gone by then.
    if (this.#open) this.#socket.end(code, text);
  }

  ping(): void {
    if (this.#open) this.#socket.ping();
  }

  get behind(): number {
    return this.#open ? this.#socket.getBufferedAmount() : 0;
  }

  cut(): void {
    if (this.#open) this.#socket.close();
  }

  /** Runs `writes`, of others too, with what this socket sends meanwhile held back. */
  cork(writes: () => void): void {
    if (this.#open) this.#socket.cork(writes);
    else writes();
  }

  /** The socket is closed. */
  ended(): void {
    this.#open = false;
  }
}
