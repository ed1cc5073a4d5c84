import { MalformedMessage, MessageOverLimit } from '@muster/opamp/errors';
import { badRequest, internalError } from '@muster/opamp/server-to-agent';
import type { Log } from '@muster/platform/log';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Liveness } from './liveness.ts';
import type { MessageHandler } from './message-handler.ts';
import type { HeldMessages } from './held-messages.ts';
import type { Newcomers } from './newcomers.ts';
import type { Quotas } from './quotas.ts';
import { keepMessage, type AgentMessage, type Connection, type Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Messages of one agent that may wait while an earlier one waits for something. */
const waitingAtMost = 1_000;
/** Seconds after which an agent that was refused what it reports is asked for its state again. */
const askAgainAfter = 3_600;

/**
 * Handles each agent's messages in order, one at a time. Nearly all are handled at once; those that come
 * while one waits for something, the agent's claim for the most part, wait in the agent's inbox.
 */
export class Inboxes {
  readonly #handler: MessageHandler;
  readonly #newcomers: Newcomers;
  readonly #sessions: Sessions;
  readonly #liveness: Liveness;
  readonly #metrics: GatewayMetrics;
  readonly #quotas: Quotas;
  readonly #held: HeldMessages;
  readonly #log: Log;

  constructor(
    handler: MessageHandler,
    newcomers: Newcomers,
    sessions: Sessions,
    liveness: Liveness,
    metrics: GatewayMetrics,
    quotas: Quotas,
    held: HeldMessages,
    log: Log,
  ) {
    this.#handler = handler;
    this.#newcomers = newcomers;
    this.#sessions = sessions;
    this.#liveness = liveness;
    this.#metrics = metrics;
    this.#quotas = quotas;
    this.#held = held;
    this.#log = log;
  }

  put(message: AgentMessage): void {
    const session = this.#speaker(message);
    if (session === null) return;
    session.lastSeen = message.receivedAt;
    this.#liveness.heard(session);
    const waits = session.inbox !== null || !session.claimed;
    if (waits && !this.#held.hasRoom(message)) {
      if (!session.known && session.inbox === null) this.#sessions.remove(session);
      this.#handler.turnAway(session, message);
    } else if (session.inbox === null) this.#handle(session, message);
    else if (session.inbox.length < waitingAtMost) session.inbox.push(this.#held.take(keepMessage(message)));
    else this.#handler.turnAway(session, message);
  }

  /**
   * Answers a message that is refused for what is in it. What is known of its agent stays as it was, and the agent
   * is not asked for its full state for a while: it would send the same.
   */
  refuse(connection: Connection, uid: Uint8Array, error: MalformedMessage): void {
    const session = this.#sessions.find(uid);
    const { transport } = connection.link;
    const isSpeaker = transport === 'http' ? session?.transport === 'http' : session?.socket === connection;
    if (session !== null && isSpeaker) session.refused(askAgainAfter);
    this.#answerRefused(connection, uid, error);
  }

  /** There is no room for a message: it has to come again later. */
  sendAway(connection: Connection, uid: Uint8Array): void {
    this.#handler.sendAway(connection, uid);
  }

  #answerRefused({ link }: Connection, uid: Uint8Array, error: MalformedMessage): void {
    if (error instanceof MessageOverLimit) {
      this.#metrics.messagesOverLimit += 1;
      this.#quotas.note('messagesOverLimit', uid, error.message);
    } else this.#metrics.malformed += 1;
    link.send(badRequest(uid, error.message));
  }

  /** The agent whose message it is; null: somebody else looks after the message. */
  #speaker(message: AgentMessage): Session | null {
    const { connection, scan } = message;
    const uid = scan.instanceUid!;
    const first = connection.firstIs(uid);
    if (first) return first;
    const isHere = this.#sessions.find(uid)?.socket === connection;
    const overQuota = isHere ? null : this.#quotas.joins(connection);
    if (overQuota !== null) this.#quotas.refuse(connection, uid, overQuota, 'agentsOverQuota');
    else if (!isHere && !this.#held.hasRoom(message)) this.sendAway(connection, uid);
    else if (this.#newcomers.keepBack(message, (later) => this.put(later))) this.#held.takeForAWhile(message);
    else return this.#sessions.enter(connection, uid);
    return null;
  }

  /** Does something about an agent that its messages must wait for. */
  async hold(session: Session, work: () => Promise<void>): Promise<void> {
    if (session.inbox !== null) return;
    session.inbox = [];
    try {
      await work();
    } finally {
      await this.#drain(session);
    }
  }

  #handle(session: Session, message: AgentMessage): void {
    try {
      const waiting = this.#handler.handle(session, message);
      if (waiting === null) return;
      session.inbox = [];
      this.#held.take(message);
      void waiting
        .catch((error: unknown) => this.#failed(session, message, error))
        .then(() => {
          this.#held.give(message);
          return this.#drain(session);
        });
    } catch (error) {
      this.#failed(session, message, error);
    }
  }

  async #drain(session: Session): Promise<void> {
    for (let next = session.inbox!.shift(); next; next = session.inbox!.shift()) {
      // An agent that said goodbye and speaks again begins a new session.
      if (this.#sessions.find(session.uid) !== session) {
        this.#held.give(next);
        if (!next.connection.lost) this.put(next);
        continue;
      }
      try {
        await this.#handler.handle(session, next);
      } catch (error) {
        this.#failed(session, next, error);
      }
      this.#held.give(next);
    }
    session.inbox = null;
    this.#handler.settled(session);
  }

  /** A message that cannot be handled changes nothing and is answered all the same. */
  #failed(session: Session, message: AgentMessage, error: unknown): void {
    const { link } = message.connection;
    if (error instanceof MalformedMessage) {
      if (session.known) session.refused(askAgainAfter);
      this.#answerRefused(message.connection, session.uid, error);
    } else {
      this.#log.error({ err: error, agent: session.agent }, 'a message could not be handled');
      link.send(internalError(session.uid));
    }
    if (!session.known) this.#sessions.remove(session);
  }
}
