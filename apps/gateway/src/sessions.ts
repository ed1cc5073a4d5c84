import { closeReasons } from './agent-link.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { Session, uidKey, type Connection } from './session.ts';

/** The agents this gateway holds, by uid. */
export class Sessions {
  readonly #byUid = new Map<string, Session>();
  readonly #metrics: GatewayMetrics;

  constructor(metrics: GatewayMetrics) {
    this.#metrics = metrics;
  }

  get size(): number {
    return this.#byUid.size;
  }

  find(uid: Uint8Array): Session | null {
    return this.#byUid.get(uidKey(uid)) ?? null;
  }

  all(): IterableIterator<Session> {
    return this.#byUid.values();
  }

  /**
   * The session of an agent that speaks through `connection`. When it spoke through another one before,
   * this one takes over, and the session must be claimed anew; an old WebSocket that nobody else uses is
   * closed.
   */
  enter(connection: Connection, uid: Uint8Array): Session {
    const first = connection.firstIs(uid);
    if (first) return first;
    const session = this.find(uid) ?? this.#add(uid);
    if (connection.link.transport === 'http') this.#enterByHttp(session, connection);
    else if (session.socket !== connection) this.#enterBySocket(session, connection);
    return session;
  }

  /** Forgets the agent. Its connection, if it has one, may bring it back. */
  remove(session: Session): void {
    session.socket?.detach(session);
    session.socket = null;
    session.claimed = false;
    if (this.#byUid.get(uidKey(session.uid)) !== session) return;
    this.#byUid.delete(uidKey(session.uid));
    session.record.release();
    this.#metrics.agents = this.#byUid.size;
  }

  #add(uid: Uint8Array): Session {
    const session = new Session(uid);
    this.#byUid.set(uidKey(uid), session);
    this.#metrics.agents = this.#byUid.size;
    return session;
  }

  #enterBySocket(session: Session, connection: Connection): void {
    this.#leaveSocket(session);
    connection.attach(session);
    session.socket = connection;
    session.claimed = false;
    // What was sent on a connection that broke may never have arrived.
    session.record.forgetOffered();
    describe(session, connection);
  }

  #enterByHttp(session: Session, connection: Connection): void {
    if (session.transport !== 'http') {
      this.#leaveSocket(session);
      session.claimed = false;
    }
    describe(session, connection);
  }

  #leaveSocket(session: Session): void {
    const socket = session.socket;
    session.socket = null;
    if (socket?.detach(session)) socket.link.close(closeReasons.replaced);
  }
}

function describe(session: Session, connection: Connection): void {
  session.transport = connection.link.transport;
  session.remoteAddress = connection.link.remoteAddress;
  session.enrollmentTokenId = connection.token.enrollmentTokenId;
  session.certificate = connection.certificate;
}
