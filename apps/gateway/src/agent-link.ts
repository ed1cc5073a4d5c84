import type { Transport } from '@muster/messages/report-frame';

/**
 * The way to an agent: a WebSocket, or one HTTP exchange. Adapters: `websocket-link.uws.ts`,
 * `http-link.uws.ts`. Methods of a link that is gone do nothing.
 */
export interface AgentLink {
  readonly transport: Transport;
  readonly remoteAddress: string;

  /**
   * Sends a ServerToAgent, written with its header byte, at once: the memory may be used again after. An
   * HTTP exchange takes one message and then is over. False: it was not sent, since the link is gone or
   * too much waits in it already.
   */
  send(message: Uint8Array): boolean;

  /** Answers a message that is not taken: an error_response, or over HTTP a status. */
  refuse(refusal: Refusal): void;

  /** Asks the client of a WebSocket for a pong. Over HTTP nobody is there to be asked. */
  ping(): void;

  /** Ends the connection with a Close frame. Over HTTP nothing is left to end. */
  close(reason: CloseReason): void;
}

/** Why a message is not taken. */
export type Refusal =
  | { kind: 'unauthorized' | 'forbidden'; instanceUid: Uint8Array; reason: string }
  | { kind: 'unavailable'; instanceUid: Uint8Array; retryAfterSeconds: number };

/** A WebSocket close code and what the agent's log will say of it. */
export interface CloseReason {
  code: number;
  text: string;
}

/** Every reason for which the gateway closes a connection. Agents may come back at once, except where said. */
export const closeReasons = {
  recycled: { code: 1012, text: 'reconnect, so that the memory of a large message is given back' },
  goingAway: { code: 1001, text: 'the gateway stops' },
  replaced: { code: 1008, text: 'the agent connected again' },
  malformed: { code: 1008, text: 'too many malformed messages' },
  /** The same credential will be refused. */
  revoked: { code: 1008, text: 'the credential was revoked' },
  unauthorized: { code: 1008, text: 'the agent is not let in' },
  notItsOwn: { code: 1008, text: 'the agent belongs to another token or certificate' },
  tooLarge: { code: 1009, text: 'the message is too large' },
  silent: { code: 1001, text: 'nothing was heard for too long' },
  tooManyMessages: { code: 1013, text: 'too many messages' },
  /** The agent will be held off with 503 and Retry-After if it is still too early. */
  unavailable: { code: 1013, text: 'try again later' },
} as const satisfies Record<string, CloseReason>;
