import type { AgentLink } from './agent-link.ts';
import type { AcceptedToken } from './credentials.ts';
import type { Session } from './session.ts';

let opened = 0;

/** A WebSocket or an HTTP exchange that was let in, with the agents that speak through it. */
export class Connection {
  readonly link: AgentLink;
  readonly token: AcceptedToken;
  /** Tells connections of this process apart. */
  readonly id = ++opened;
  malformedInARow = 0;
  /** Most connections carry one agent, so a second one is what costs. */
  #first: Session | null = null;
  #others: Set<Session> | null = null;

  constructor(link: AgentLink, token: AcceptedToken) {
    this.link = link;
    this.token = token;
  }

  /** The connection's only agent, or null when there is none or more than one. */
  get onlySession(): Session | null {
    return this.#others?.size ? null : this.#first;
  }

  /** The session of this uid, if it is the connection's first: the short way for most messages. */
  firstIs(uid: Uint8Array): Session | null {
    return this.#first?.uid.equals(uid) ? this.#first : null;
  }

  attach(session: Session): void {
    if (this.#first === null) this.#first = session;
    else if (this.#first !== session) (this.#others ??= new Set()).add(session);
  }

  /** True when nobody is left. */
  detach(session: Session): boolean {
    if (this.#first === session) this.#first = null;
    else this.#others?.delete(session);
    return this.#first === null && !this.#others?.size;
  }

  sessions(): Session[] {
    return [...(this.#first ? [this.#first] : []), ...(this.#others ?? [])];
  }
}
