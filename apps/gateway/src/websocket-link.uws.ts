import type { WebSocket } from 'uWebSockets.js';
import { badRequest, unavailable } from '@muster/opamp/server-to-agent';
import type { AgentLink, CloseReason, Refusal } from './agent-link.ts';

/** What `send` answers when more than maxBackpressure waits already. */
const dropped = 2;

/** A WebSocket. µWebSockets copies what is sent, and must not be touched after the close. */
export class WebSocketLink implements AgentLink {
  readonly transport = 'websocket';
  readonly remoteAddress: string;
  readonly #socket: WebSocket<unknown>;
  #open = true;

  constructor(socket: WebSocket<unknown>, remoteAddress: string) {
    this.#socket = socket;
    this.remoteAddress = remoteAddress;
  }

  send(message: Uint8Array): boolean {
    return this.#open && this.#socket.send(message, true, false) !== dropped;
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

  /** The socket is closed. */
  ended(): void {
    this.#open = false;
  }
}
