import type { AgentId } from '@muster/agents/agent-id';
import type { EventBus } from '@muster/messages/event-bus';
import type { AgentChange, Facts } from '@muster/messages/vocabulary';
import type { Log } from '@muster/platform/log';

const agentsPerFact = 1000;

/**
 * Says on the bus what a committed change was. A fact that cannot be published is logged and let go: facts
 * only say when to look, and whoever missed one finds the change at its next sweep over the tables.
 */
export class Announcer {
  readonly #bus: EventBus;
  readonly #log: Log;

  constructor(bus: EventBus, log: Log) {
    this.#bus = bus;
    this.#log = log;
  }

  async announce<S extends keyof Facts>(subject: S, fact: Facts[S]): Promise<void> {
    try {
      await this.#bus.publish(subject, fact);
    } catch (error) {
      this.#log.warn({ err: error, subject }, 'could not publish a change; others find it when they sweep');
    }
  }

  async announceAgents(agents: readonly AgentId[], change: AgentChange): Promise<void> {
    for (let start = 0; start < agents.length; start += agentsPerFact) {
      const some = agents.slice(start, start + agentsPerFact);
      await this.announce('agents.changed', { agents: some.map((uid) => ({ uid, changes: [change] })) });
    }
  }
}
