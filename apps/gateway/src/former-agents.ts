import { agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import { Session } from './session.ts';
import type { ReportOutbox } from './report-outbox.ts';

interface Held {
  agent: AgentId;
  epoch: number;
}

const atOnce = 1_000;

/**
 * The agents that an earlier life of this gateway held when it died. Its lease is renewed under the same
 * name before anybody misses it, so nobody else would find out about those that never come back.
 */
export class FormerAgents {
  readonly #gateway: string;
  readonly #presence: Presence;
  readonly #outbox: ReportOutbox;
  readonly #held: Held[];

  private constructor(gateway: string, presence: Presence, outbox: ReportOutbox, held: Held[]) {
    this.#gateway = gateway;
    this.#presence = presence;
    this.#outbox = outbox;
    this.#held = held;
  }

  /** Must be called before this gateway takes its first agent. */
  static async find(gateway: string, presence: Presence, outbox: ReportOutbox): Promise<FormerAgents> {
    return new FormerAgents(gateway, presence, outbox, await presence.heldBy(gateway));
  }

  /**
   * Reports those as disconnected that have not come back, here or elsewhere. When agents were turned away
   * meanwhile, the upkeep does so after their time.
   */
  async release(): Promise<void> {
    const returnsWithin = await this.#presence.returnsWithin();
    for (let start = 0; start < this.#held.length; start += atOnce) {
      const sessions = this.#held.slice(start, start + atOnce).map(toSession);
      const marks = sessions.map((session) => ({ ...session.mark(), sequenceNum: null, fingerprints: null }));
      if (returnsWithin > 0) {
        await this.#presence.leave(this.#gateway, marks, returnsWithin);
        continue;
      }
      const gone = new Set(await this.#presence.release(this.#gateway, marks));
      for (const session of sessions) {
        if (gone.has(session.agent))
          this.#outbox.add(session, { ...session.report(Date.now()), disconnected: true });
      }
    }
  }
}

function toSession({ agent, epoch }: Held): Session {
  const session = new Session(agentIdToBytes(agent));
  session.epoch = epoch;
  return session;
}
