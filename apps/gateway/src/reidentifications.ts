import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import type { EventBus } from '@muster/messages/event-bus';
import type { AgentsReidentified } from '@muster/messages/vocabulary';
import { agentIdentification, answer } from '@muster/opamp/server-to-agent';
import type { Log } from '@muster/platform/log';
import type { ContestedAgents } from './contested-agents.ts';
import type { Credentials } from './credentials.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { AssignedUids, newInstanceUid } from './instance-uids.ts';
import { serverCapabilities } from './server-capabilities.ts';
import type { AgentMessage, Connection, Session } from './session.ts';
import { UntoldFacts } from './untold-facts.ts';

/** Second clients of one agent and address that are told of one by one, within the time that `ContestedAgents` counts. */
const duplicatesTold = 3;

export interface ReidentificationsDeps {
  gateway: string;
  presence: Presence;
  bus: EventBus;
  contested: ContestedAgents;
  credentials: Credentials;
  metrics: GatewayMetrics;
  log: Log;
}

/** Gives agents another instance_uid (spec "ServerToAgent.agent_identification"), and says so for the audit log. */
export class Reidentifications {
  readonly #deps: ReidentificationsDeps;
  readonly #assigned = new AssignedUids();
  readonly #facts: UntoldFacts<'agents.reidentified'>;

  constructor(deps: ReidentificationsDeps) {
    this.#deps = deps;
    this.#facts = new UntoldFacts(deps.bus, 'agents.reidentified');
  }

  /**
   * Answers an agent that nobody knows and that asks for a uid. Nothing is kept under the uid it has now:
   * it is temporary, and others may use it too. `asker` is the same when the same one asks again.
   */
  introduce(connection: Connection, uid: Uint8Array, asker: string): void {
    const assigned = this.#assigned.assign(asker, Date.now());
    connection.link.send(agentIdentification(uid, assigned.uid, serverCapabilities));
  }

  /** Answers a client whose uid another live one has: it is to be an agent of its own. `kept`: that one, if it is here. */
  separate({ connection, scan }: AgentMessage, kept: Session | null): void {
    const uid = scan.instanceUid!;
    const { link, owner } = connection;
    // Over WebSocket it hears of it once; what it had sent already is taken for heard.
    if (connection.wasRenamed(uid)) return this.acknowledge(connection, uid);
    const hex = Buffer.from(uid).toString('hex');
    const asker =
      link.transport === 'websocket'
        ? `${connection.id} ${hex}`
        : `http ${owner} ${link.remoteAddress} ${hex}`;
    const { uid: newUid, isNew } = this.#assigned.assign(asker, Date.now());
    link.send(agentIdentification(uid, newUid, serverCapabilities));
    connection.rename(uid);
    if (!isNew) return;
    this.#deps.metrics.duplicates += 1;
    const claimant = { owner, remoteAddress: link.remoteAddress };
    const keptBy = kept && (kept.socket?.link.remoteAddress ?? kept.remoteAddress);
    const keeper = { owner: kept?.owner ?? owner, remoteAddress: keptBy ?? '' };
    const isTold = (times: number) => times <= duplicatesTold;
    const times = this.#deps.contested.note({ uid, outcome: 'separated', keeper, claimant }, isTold);
    if (isTold(times)) this.#tell(uid, newUid, 'duplicate', link.remoteAddress, keptBy);
  }

  /** Answers a late message under a uid that its sender gave up; nothing of it is kept. */
  acknowledge(connection: Connection, uid: Uint8Array): void {
    connection.link.send(answer(uid, serverCapabilities));
  }

  /**
   * Answers a known agent that asks for another uid: it stays the same agent, with its record. Asked again
   * it is given the same. Rejects when Presence or the bus cannot be reached; then it was not answered.
   */
  async rename(session: Session, { connection }: AgentMessage): Promise<void> {
    const isNew = session.successor === null;
    const successor = session.successor ?? newInstanceUid(Date.now());
    if (isNew) {
      const [former, uid] = [session.agent, agentIdFromBytes(successor)];
      await this.#deps.credentials.rename(connection.token, former, uid);
      await this.#deps.presence.rename(former, uid);
      session.successor = successor;
    }
    connection.link.send(agentIdentification(session.uid, successor, serverCapabilities));
    if (isNew) this.#tell(session.uid, successor, 'requested', connection.link.remoteAddress);
  }

  /** Answers an agent that comes back under a uid that was replaced: it did not keep the new one. */
  remind(connection: Connection, uid: Uint8Array, successor: Uint8Array): void {
    connection.link.send(agentIdentification(uid, successor, serverCapabilities));
  }

  /** Tries once more to say what was not heard. */
  close(): Promise<void> {
    return this.#facts.close();
  }

  #tell(
    former: Uint8Array,
    uid: Uint8Array,
    reason: AgentsReidentified['reason'],
    remoteAddress: string,
    keptBy: string | null = null,
  ): void {
    const { gateway, log } = this.#deps;
    const fact = {
      gateway,
      former: agentIdFromBytes(former),
      uid: agentIdFromBytes(uid),
      reason,
      remoteAddress,
      ...(keptBy !== null && { keptBy }),
    };
    log.info(fact, 'an agent was given another instance_uid');
    this.#facts.tell(fact);
  }
}
