import type { Mark, Presence } from '@muster/agents/presence';
import type { Log } from '@muster/platform/log';
import type { Checkpoints } from './checkpoints.ts';
import type { ReportOutbox } from './report-outbox.ts';
import type { Connection, Session } from './session.ts';
import type { Sessions } from './sessions.ts';

export interface LivenessDeps {
  gateway: string;
  /** How long an agent whose connection broke counts as connected. */
  graceMs: number;
  /** How long an agent on plain HTTP may be silent. */
  httpSilenceMs: number;
  presence: Presence;
  sessions: Sessions;
  outbox: ReportOutbox;
  checkpoints: Checkpoints;
  log: Log;
}

const tickMs = 100;
const atOnce = 1_000;
/** An agent that was sent away may be told to wait before another gateway takes it. */
const leastMoveMs = 10_000;
/** So many agents, and this share of all, make a crowd. */
const crowd = 100;
const crowdShare = 0.05;
/** A crowd that is on its way back is waited for, but not for ever. */
const crowdGraceMs = 30_000;

/**
 * Decides when an agent is gone: at once when it says so, after a grace when its connection broke, after
 * a silence over plain HTTP. An agent that has come back meanwhile, here or elsewhere, stays connected.
 * When connections broke in a crowd, nobody's grace ends while others of it are still coming back: they
 * come as fast as they are let in, which says nothing of the last ones.
 */
export class Liveness {
  readonly #deps: LivenessDeps;
  /** Agents that are leaving, and when (Unix milliseconds). */
  readonly #leaving = new Map<Session, number>();
  /** Agents on plain HTTP, the one silent for longest first. */
  readonly #polling = new Set<Session>();
  readonly #timer: NodeJS.Timeout;
  #releasing: Promise<void> | null = null;
  /** When an agent came back that was leaving. */
  #lastReturnAt = 0;
  /** A crowd left and has been coming back since: the last of it count as the first did. */
  #crowdIsBack = false;

  constructor(deps: LivenessDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** The agent was heard. */
  heard(session: Session): void {
    if (this.#leaving.size > 0 && this.#leaving.delete(session)) this.#lastReturnAt = Date.now();
    this.#polling.delete(session);
    if (session.transport === 'http') this.#polling.add(session);
  }

  /** A WebSocket is gone. */
  connectionLost(connection: Connection): void {
    connection.close();
    for (const session of connection.sessions()) {
      this.#deps.checkpoints.noteAtOnce(session);
      this.away(session);
    }
  }

  /** The agent has no connection any more, and a while to come back. */
  away(session: Session): void {
    session.socket?.detach(session);
    session.socket = null;
    this.#leaving.set(session, Date.now() + this.#deps.graceMs);
  }

  /** Somebody else looks after the agent from now on: nobody is told that it is gone. */
  forget(session: Session): void {
    this.#deps.sessions.remove(session);
    this.#polling.delete(session);
    this.#leaving.delete(session);
  }

  /** The agent is gone for good, as it said or an operator did. */
  leave(session: Session): void {
    this.#deps.sessions.remove(session);
    this.#polling.delete(session);
    this.#leaving.set(session, 0);
    setImmediate(() => this.#releaseDue());
  }

  /** Agents on plain HTTP that were let in by this token are gone: their next poll is refused. */
  revoked(enrollmentTokenId: string): void {
    for (const session of this.#polling) {
      if (session.enrollmentTokenId === enrollmentTokenId) this.leave(session);
    }
  }

  /** Reports of these agents have left the outbox: those that are leaving can go on elsewhere, or be let go. */
  published(sessions: readonly Session[]): void {
    const leaving = sessions.filter((session) => this.#leaving.has(session));
    for (const session of leaving) this.#deps.checkpoints.noteAtOnce(session);
    if (leaving.length > 0) this.#releaseDue();
  }

  /** The gateway stops: who said goodbye is gone, and nobody else is declared gone here any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#releasing;
    this.#releaseDue();
    await this.#releasing;
  }

  /**
   * Leaves everybody who has not come up elsewhere yet to Presence. They stay connected for as long as their
   * transport allows; of those that never come back the upkeep tells. Rejects when Presence cannot be reached.
   */
  async leaveAll(): Promise<void> {
    const { gateway, graceMs, httpSilenceMs, presence, sessions } = this.#deps;
    const here = [...sessions.all()].filter(({ claimed }) => claimed);
    const { http = [], websocket = [] } = Object.groupBy(here, ({ transport }) => transport);
    if (http.length > 0) await presence.leave(gateway, http.map(lastMark), httpSilenceMs);
    const movedWithinMs = Math.max(graceMs, leastMoveMs);
    if (websocket.length > 0) await presence.leave(gateway, websocket.map(lastMark), movedWithinMs);
  }

  #tick(): void {
    const silentSince = Date.now() - this.#deps.httpSilenceMs;
    for (const session of this.#polling) {
      if (session.lastSeen > silentSince) break;
      this.leave(session);
    }
    this.#releaseDue();
  }

  #releaseDue(): void {
    if (this.#releasing) return;
    const now = Date.now();
    const longer = this.#crowdReturns(now) ? crowdGraceMs : 0;
    const due: Session[] = [];
    for (const [session, at] of this.#leaving) {
      if (at + longer <= now && session.pendingReports === 0 && session.inbox === null) due.push(session);
      if (due.length === atOnce) break;
    }
    if (due.length === 0) return;
    for (const session of due) {
      this.#leaving.delete(session);
      this.#deps.sessions.remove(session);
    }
    this.#releasing = this.#release(due).finally(() => {
      this.#releasing = null;
    });
  }

  #crowdReturns(now: number): boolean {
    const many = this.#leaving.size >= Math.max(crowd, this.#deps.sessions.size * crowdShare);
    const returns = now - this.#lastReturnAt < this.#deps.graceMs;
    this.#crowdIsBack = returns && (many || this.#crowdIsBack) && this.#leaving.size > 0;
    return this.#crowdIsBack;
  }

  async #release(sessions: Session[]): Promise<void> {
    const { gateway, presence, outbox, log } = this.#deps;
    try {
      const marks = sessions.map((session) => session.mark());
      const gone = new Set(await presence.release(gateway, marks));
      const now = Date.now();
      for (const session of sessions) {
        if (gone.has(session.agent)) outbox.add(session, { ...session.report(now), disconnected: true });
      }
    } catch (error) {
      log.warn({ err: error, agents: sessions.length }, 'presence let nobody go; it is tried again');
      for (const session of sessions) this.#leaving.set(session, Date.now() + this.#deps.graceMs);
    }
  }
}

/** What is still on its way to the bus, the next gateway must not take for known. */
function lastMark(session: Session): Mark {
  const mark = session.mark();
  return session.pendingReports === 0 ? mark : { ...mark, sequenceNum: null, fingerprints: null };
}
