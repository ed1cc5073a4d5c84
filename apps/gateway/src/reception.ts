import { hash } from 'node:crypto';
import { MalformedMessage, MessageOverLimit } from '@muster/opamp/errors';
import { checkSizes, type MessageLimits } from '@muster/opamp/message-limits';
import {
  requestInstanceUid,
  scanAgentToServer,
  scanWebSocketMessage,
  type AgentToServerScan,
} from '@muster/opamp/scan-agent-to-server';
import { badRequest } from '@muster/opamp/server-to-agent';
import { closeReasons } from './agent-link.ts';
import type { Connection } from './session.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Guesses } from './guesses.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { HeldMessages } from './held-messages.ts';
import type { Inboxes } from './inboxes.ts';
import { LargeMessages } from './large-messages.ts';
import type { Reidentifications } from './reidentifications.ts';
import type { Sessions } from './sessions.ts';

const uidLength = 16;
/** Bytes from which on a message takes its turn: smaller ones are handled within a millisecond. */
const largeBytes = 128 * 1024;
/** An agent that sends nothing but malformed messages is let go of after so many. */
const malformedAtMost = 10;

/**
 * Takes what comes in on a connection: refuses what is malformed, gives a uid to agents that ask for
 * one, has heartbeats answered at once, and passes everything else on to its agent's inbox.
 */
export class Reception {
  readonly #heartbeats: Heartbeats;
  readonly #inboxes: Inboxes;
  readonly #limits: MessageLimits;
  readonly #largeMessages: LargeMessages;
  readonly #metrics: GatewayMetrics;
  readonly #sessions: Sessions;
  readonly #reidentifications: Reidentifications;
  readonly #guesses: Guesses;

  constructor(
    heartbeats: Heartbeats,
    inboxes: Inboxes,
    sessions: Sessions,
    reidentifications: Reidentifications,
    guesses: Guesses,
    metrics: GatewayMetrics,
    limits: MessageLimits,
    held: HeldMessages,
  ) {
    this.#guesses = guesses;
    this.#heartbeats = heartbeats;
    this.#inboxes = inboxes;
    this.#sessions = sessions;
    this.#reidentifications = reidentifications;
    this.#metrics = metrics;
    this.#limits = limits;
    this.#largeMessages = new LargeMessages(held, {
      read: (connection, bytes) => this.#read(connection, bytes, true),
      sendAway: (connection, bytes) => this.#sendAway(connection, bytes),
    });
  }

  /** `bytes` are only read during the call, unless the connection is an HTTP exchange, whose body is its own. */
  receive(connection: Connection, bytes: Uint8Array): void {
    this.#metrics.messages += 1;
    const isHttp = connection.link.transport === 'http';
    if (!isHttp && this.#heartbeats.take(connection, bytes, Date.now())) return;
    if (bytes.length < largeBytes && connection.queued === 0) this.#read(connection, bytes, isHttp);
    else if (this.#isWithinLimits(connection, bytes)) this.#largeMessages.put(connection, bytes);
  }

  /** What is too large is answered before it takes any memory: to find that out costs the same for any size. */
  #isWithinLimits(connection: Connection, bytes: Uint8Array): boolean {
    const isHttp = connection.link.transport === 'http';
    try {
      const scan = isHttp ? scanAgentToServer(bytes) : scanWebSocketMessage(bytes);
      if (scan.instanceUid?.length === uidLength) this.#checkSizes(scan, scan.instanceUid);
      return true;
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#refuseUnread(connection, error);
      return false;
    }
  }

  #read(connection: Connection, bytes: Uint8Array, isKept: boolean): void {
    const isHttp = connection.link.transport === 'http';
    try {
      const scan = isHttp ? scanAgentToServer(bytes) : scanWebSocketMessage(bytes);
      this.#take(connection, scan, bytes, isKept);
      connection.malformedInARow = 0;
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#refuseUnread(connection, error);
    }
  }

  /** Answers a message that was not read to its end, under the uid that it named. */
  #refuseUnread(connection: Connection, error: MalformedMessage): void {
    const { instanceUid } = error;
    if (error instanceof MessageOverLimit && instanceUid?.length === uidLength) {
      this.#inboxes.refuse(connection, instanceUid, error);
    } else this.refuse(connection, error.message, instanceUid?.length === uidLength ? instanceUid : null);
  }

  #sendAway(connection: Connection, bytes: Uint8Array): void {
    const instanceUid = this.senderOf(bytes);
    if (instanceUid === null) return this.refuse(connection, 'not an OpAMP message, and large');
    this.#inboxes.sendAway(connection, instanceUid);
  }

  /** Who sent a WebSocket message that is not looked at further; null: it is malformed. */
  senderOf(bytes: Uint8Array): Uint8Array | null {
    try {
      const { instanceUid } = scanWebSocketMessage(bytes);
      return instanceUid?.length === uidLength ? instanceUid : null;
    } catch (error) {
      if (error instanceof MalformedMessage) return null;
      throw error;
    }
  }

  /** Answers something that is not an OpAMP message (spec "Bad Request"). */
  refuse(connection: Connection, reason: string, uid: Uint8Array | null = null): void {
    this.#metrics.malformed += 1;
    connection.malformedInARow += 1;
    connection.link.send(badRequest(uid ?? connection.onlySession?.uid ?? null, reason));
    if (connection.malformedInARow >= malformedAtMost) connection.link.close(closeReasons.malformed);
  }

  #take(connection: Connection, scan: AgentToServerScan, bytes: Uint8Array, isKept: boolean): void {
    const uid = scan.instanceUid;
    if (uid?.length !== uidLength) {
      throw new MalformedMessage(`${uid?.length ?? 0} bytes, want ${uidLength}`, 'instance_uid');
    }
    if (connection.onlyUid !== null && !Buffer.from(connection.onlyUid).equals(uid)) {
      throw new MalformedMessage('is not the one that the client certificate names', 'instance_uid');
    }
    this.#checkSizes(scan, uid);
    if ((scan.flags & requestInstanceUid) !== 0 && !this.#isKnown(connection, uid, scan)) {
      return this.#introduce(connection, uid, bytes);
    }
    if (uid.every((byte) => byte === 0)) throw new MalformedMessage('is all zero', 'instance_uid');
    this.#inboxes.put({ connection, scan, receivedAt: Date.now(), isKept });
  }

  #checkSizes(scan: AgentToServerScan, instanceUid: Uint8Array): void {
    try {
      checkSizes(scan, this.#limits);
    } catch (error) {
      throw error instanceof MalformedMessage ? Object.assign(error, { instanceUid }) : error;
    }
  }

  /** The same WebSocket, or the same POST again, gets the same new uid. */
  #introduce(connection: Connection, uid: Uint8Array, bytes: Uint8Array): void {
    const { link, id, owner } = connection;
    const asker =
      link.transport === 'websocket'
        ? `${id} ${Buffer.from(uid).toString('hex')}`
        : `${owner} ${link.remoteAddress} ${hash('sha256', bytes)}`;
    this.#reidentifications.introduce(connection, uid, asker);
  }

  /**
   * Is whoever asks for a new uid the agent that is known under the present one? Another client may only have
   * a copy of it: it must not get the agent's record.
   */
  #isKnown(connection: Connection, uid: Uint8Array, scan: AgentToServerScan): boolean {
    const session = this.#sessions.find(uid);
    if (session === null || !session.known || !connection.owns(session)) return false;
    const { transport, remoteAddress } = connection.link;
    if (transport === 'websocket') return session.socket === connection;
    if (session.transport !== 'http' || session.remoteAddress !== remoteAddress) return false;
    const behind = session.sequenceNum - scan.sequenceNum;
    if (behind !== -1 && behind !== 0) {
      this.#guesses.wrong(uid);
      return false;
    }
    return session.doubtedUntil <= Date.now() && !this.#guesses.locked(uid);
  }
}
