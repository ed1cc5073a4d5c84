import type { Mark, Presence } from '@muster/agents/presence';
import type { Log } from '@muster/platform/log';
import type { Session } from './session.ts';

/** A poll may go to another gateway each time; a WebSocket stays, so its heartbeats can wait. */
const intervalMs = { http: 1_000, websocket: 3_000 };
const atOnce = 2_500;
/** After so many marks without it, an agent's record is sent along again, changed or not. */
const recordEvery = 16;

/**
 * Tells Presence how far agents have come, in bulk: regularly for those that said something, and at once
 * when a connection ends. An agent with reports in the outbox is left out until they are published: the
 * next gateway would otherwise take for known what was lost with this one.
 */
export class Checkpoints {
  readonly #gateway: string;
  readonly #presence: Presence;
  readonly #log: Log;
  readonly #onMovedOn: (session: Session) => void;
  readonly #dirty: Record<'http' | 'websocket', Session[]> = { http: [], websocket: [] };
  readonly #timers: NodeJS.Timeout[];
  #urgent: Session[] = [];
  #now: Session[] = [];
  #nowSaved: Promise<void> = Promise.resolve();
  #underWay: Promise<void> = Promise.resolve();

  /** `onMovedOn`: another gateway holds the agent, though it was heard here after. */
  constructor(gateway: string, presence: Presence, log: Log, onMovedOn: (session: Session) => void) {
    this.#onMovedOn = onMovedOn;
    this.#gateway = gateway;
    this.#presence = presence;
    this.#log = log;
    this.#timers = [
      setInterval(() => this.#save(this.#dirty.http.splice(0)), intervalMs.http),
      setInterval(() => this.#save(this.#dirty.websocket.splice(0)), intervalMs.websocket),
    ];
  }

  /** The session has changed. */
  note(session: Session): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty[session.transport].push(session);
  }

  /** The agent may be with another gateway in a moment. */
  noteAtOnce(session: Session): void {
    session.dirty = true;
    this.#urgent.push(session);
    if (this.#urgent.length === 1) setImmediate(() => this.#save(this.#urgent.splice(0)));
  }

  /** Resolves when Presence has it, or could not be reached. */
  async saveNow(session: Session): Promise<void> {
    const isFirst = this.#now.push(session) === 1;
    // Whoever else moves on in this turn goes along.
    if (isFirst)
      this.#nowSaved = this.#underWay = this.#underWay.then(() => this.#saveBatch(this.#now.splice(0)));
    await this.#nowSaved;
  }

  /** Saves everything and stops; resolves when Presence has it. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#save([
      ...this.#urgent.splice(0),
      ...this.#dirty.http.splice(0),
      ...this.#dirty.websocket.splice(0),
    ]);
    await this.#underWay;
  }

  #save(sessions: Session[]): void {
    const ready: Session[] = [];
    for (const session of sessions) {
      if (session.pendingReports > 0) this.#dirty.http.push(session);
      else if (session.dirty && session.claimed) ready.push(session);
      else session.dirty = false;
    }
    for (let start = 0; start < ready.length; start += atOnce) {
      const batch = ready.slice(start, start + atOnce);
      this.#underWay = this.#underWay.then(() => this.#saveBatch(batch));
    }
  }

  async #saveBatch(sessions: Session[]): Promise<void> {
    const marks = sessions.map(markOf);
    try {
      const movedOn = new Set(await this.#presence.checkpoint(this.#gateway, marks));
      if (movedOn.size === 0) return;
      for (const [i, session] of sessions.entries())
        if (movedOn.has(marks[i]!.agent)) this.#onMovedOn(session);
    } catch (error) {
      this.#log.warn(
        { err: error, agents: sessions.length },
        'presence took no checkpoint; it is tried again',
      );
      for (const session of sessions) {
        session.record.unsaved = true;
        this.note(session);
      }
    }
  }
}

function markOf(session: Session): Mark {
  session.dirty = false;
  session.marksSinceRecord += 1;
  // Presence may lose the last second of what it was told.
  if (session.marksSinceRecord > recordEvery) session.record.unsaved = true;
  const mark = session.mark();
  if (mark.fingerprints !== null) {
    session.record.unsaved = false;
    session.marksSinceRecord = 0;
  }
  return mark;
}
