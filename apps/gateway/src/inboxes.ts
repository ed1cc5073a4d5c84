import { MalformedMessage } from '@muster/opamp/errors';
import { badRequest, internalError } from '@muster/opamp/server-to-agent';
import type { Log } from '@muster/platform/log';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Liveness } from './liveness.ts';
import type { MessageHandler } from './message-handler.ts';
import type { Newcomers } from './newcomers.ts';
import { keepMessage, type AgentMessage, type Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Messages of one agent that may wait while an earlier one waits for something. */
const waitingAtMost = 1_000;

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
  readonly #log: Log;

  constructor(
    handler: MessageHandler,
    newcomers: Newcomers,
    sessions: Sessions,
    liveness: Liveness,
    metrics: GatewayMetrics,
    log: Log,
  ) {
    this.#handler = handler;
    this.#newcomers = newcomers;
    this.#sessions = sessions;
    this.#liveness = liveness;
    this.#metrics = metrics;
    this.#log = log;
  }

  put(message: AgentMessage): void {
    const session = this.#speaker(message);
    if (session === null) return;
    session.lastSeen = message.receivedAt;
    this.#liveness.heard(session);
    if (session.inbox === null) this.#handle(session, message);
    else if (session.inbox.length < waitingAtMost) session.inbox.push(keepMessage(message));
    else this.#handler.turnAway(session, message);
  }

  /** The agent whose message it is; null: somebody else looks after the message. */
  #speaker(message: AgentMessage): Session | null {
    const { connection, scan } = message;
    const uid = scan.instanceUid!;
    const first = connection.firstIs(uid);
    if (first) return first;
    return this.#newcomers.keepBack(message, (later) => this.put(later))
      ? null
      : this.#sessions.enter(connection, uid);
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
      void waiting
        .catch((error: unknown) => this.#failed(session, message, error))
        .then(() => this.#drain(session));
    } catch (error) {
      this.#failed(session, message, error);
    }
  }

  async #drain(session: Session): Promise<void> {
    for (let next = session.inbox!.shift(); next; next = session.inbox!.shift()) {
      // An agent that said goodbye and speaks again begins a new session.
      if (this.#sessions.find(session.uid) !== session) {
        if (!next.connection.lost) this.put(next);
        continue;
      }
      try {
        await this.#handler.handle(session, next);
      } catch (error) {
        this.#failed(session, next, error);
      }
    }
    session.inbox = null;
    this.#handler.settled(session);
  }

  /** A message that cannot be handled changes nothing and is answered all the same. */
  #failed(session: Session, message: AgentMessage, error: unknown): void {
    const { link } = message.connection;
    if (error instanceof MalformedMessage) {
      this.#metrics.malformed += 1;
      link.send(badRequest(session.uid, error.message));
    } else {
      this.#log.error({ err: error, agent: session.agent }, 'a message could not be handled');
      link.send(internalError(session.uid));
    }
    if (!session.known) this.#sessions.remove(session);
  }
}
