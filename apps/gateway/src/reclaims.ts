import type { Inboxes } from './inboxes.ts';
import type { ReportOutbox } from './report-outbox.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Takeovers } from './takeovers.ts';

/**
 * Claims agents again: those that others may have counted as gone while this gateway could not say that it
 * lives, and polling ones that speak to several gateways.
 */
export class Reclaims {
  readonly #sessions: Sessions;
  readonly #inboxes: Inboxes;
  readonly #takeovers: Takeovers;
  readonly #outbox: ReportOutbox;

  constructor(sessions: Sessions, inboxes: Inboxes, takeovers: Takeovers, outbox: ReportOutbox) {
    this.#sessions = sessions;
    this.#inboxes = inboxes;
    this.#takeovers = takeovers;
    this.#outbox = outbox;
  }

  /** Claims every agent that is here. Agents whose claim fails claim for themselves with their next message. */
  async claimAll(): Promise<void> {
    const here = [...this.#sessions.all()].filter((session) => session.claimed);
    await Promise.all(here.map((session) => this.#inboxes.hold(session, () => this.#claim(session, false))));
  }

  /** Claims an agent that another gateway holds and that was heard here since. */
  async claim(session: Session): Promise<void> {
    if (this.#sessions.find(session.uid) !== session) return;
    await this.#inboxes.hold(session, () => this.#claim(session, true));
  }

  async #claim(session: Session, heardLast: boolean): Promise<void> {
    session.claimed = false;
    try {
      if (!(await this.#takeovers.claim(session, heardLast))) return;
    } catch {
      return;
    }
    if (session.announced) return;
    session.announced = true;
    this.#outbox.add(session, { ...session.report(Date.now()), connected: true });
  }
}
