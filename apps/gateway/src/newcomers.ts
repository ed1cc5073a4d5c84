import type { Reidentifications } from './reidentifications.ts';
import { keepMessage, uidKey, type AgentMessage, type Connection, type Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Messages of one newcomer that may wait. */
const waitingAtMost = 100;

/** What a newcomer says of itself. */
export interface Newcomer {
  sequenceNum: number;
  /** What let it in. */
  enrollmentTokenId: string;
}

/**
 * Decides about connections that bring a uid for which another open WebSocket speaks: the agent that came
 * back before its old socket was closed, or a second client with the same uid (spec "Duplicate
 * instance_uid Detection"). While it is not known, the newcomer's messages wait.
 */
export class Newcomers {
  readonly #sessions: Sessions;
  readonly #reidentifications: Reidentifications;
  readonly #waiting = new Map<Connection, Map<string, AgentMessage[]>>();

  constructor(sessions: Sessions, reidentifications: Reidentifications) {
    this.#sessions = sessions;
    this.#reidentifications = reidentifications;
  }

  /** True when the message is looked after: answered, or it waits and is `put` later. */
  keepBack(message: AgentMessage, put: (message: AgentMessage) => void): boolean {
    const { connection, scan } = message;
    const uid = scan.instanceUid!;
    if (connection.wasRenamed(uid)) {
      this.#reidentifications.acknowledge(connection, uid);
      return true;
    }
    const waiting = this.#waiting.get(connection)?.get(uidKey(uid));
    if (waiting) {
      if (waiting.length < waitingAtMost) waiting.push(keepMessage(message));
      else this.#reidentifications.acknowledge(connection, uid);
      return true;
    }
    const session = this.#sessions.find(uid);
    const holder = session?.socket ?? null;
    if (session === null || holder === null || holder === connection) return false;
    const { enrollmentTokenId } = connection.token;
    if (!needsProof(session, holder, { sequenceNum: scan.sequenceNum, enrollmentTokenId })) return false;
    void this.#decide(session, holder, keepMessage(message), put);
    return true;
  }

  /** Does the agent that is held here live, so that whoever calls itself the same is a second one? */
  async staysWith(session: Session, newcomer: Newcomer): Promise<boolean> {
    const holder = session.socket;
    if (holder === null || !needsProof(session, holder, newcomer)) return false;
    return (await holder.provesAlive()) && session.socket === holder;
  }

  async #decide(
    session: Session,
    holder: Connection,
    first: AgentMessage,
    put: (message: AgentMessage) => void,
  ): Promise<void> {
    const { connection, scan } = first;
    const uid = Buffer.from(scan.instanceUid!);
    const waiting = [first];
    const ofConnection = this.#waiting.get(connection) ?? new Map<string, AgentMessage[]>();
    this.#waiting.set(connection, ofConnection.set(uidKey(uid), waiting));
    const stays = (await holder.provesAlive()) && session.socket === holder;
    ofConnection.delete(uidKey(uid));
    if (ofConnection.size === 0) this.#waiting.delete(connection);
    if (connection.lost) return;
    if (!stays) this.#sessions.enter(connection, uid);
    for (const message of waiting) {
      if (stays) this.#reidentifications.separate(message);
      else put(message);
    }
  }
}

/**
 * A message that goes on where the agent was comes from the agent itself, unless another credential let it
 * in. A socket that carries others too may live without this agent.
 */
function needsProof(session: Session, holder: Connection, newcomer: Newcomer): boolean {
  if (holder.lost || holder.onlySession === null) return false;
  const follows = session.known && newcomer.sequenceNum === session.sequenceNum + 1;
  return !follows || newcomer.enrollmentTokenId !== session.enrollmentTokenId;
}
