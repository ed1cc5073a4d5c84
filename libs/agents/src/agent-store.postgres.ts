import type { Tx } from '@muster/db/transaction';
import type { EventBus } from '@muster/messages/event-bus';
import type { AgentChange } from '@muster/messages/vocabulary';
import type { AgentCommands } from './agent-commands.ts';
import type { AgentId } from './agent-id.ts';
import { UnknownAgent } from './errors.ts';
import { checkLabels, type Labels } from './labels.ts';

/** What operators change of an agent. `agents.changed` is published after the commit. */
export class AgentStore {
  readonly #bus: EventBus;
  readonly #commands: Pick<AgentCommands, 'forget'>;

  constructor(bus: EventBus, commands: Pick<AgentCommands, 'forget'>) {
    this.#bus = bus;
    this.#commands = commands;
  }

  /** Replaces all labels. Throws `UnknownAgent`, `InvalidLabel`. */
  async setLabels(tx: Tx, id: AgentId, labels: Labels): Promise<void> {
    checkLabels(labels);
    const { numUpdatedRows } = await tx.db
      .updateTable('agents')
      .set({ labels: JSON.stringify(labels) })
      .where('agents.uid', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw new UnknownAgent(id);
    this.#publish(tx, id, 'description');
  }

  /**
   * Deletes the agent with its state and what it should run, then ends its connection. An agent that
   * comes back with a valid credential enrols anew. Throws `UnknownAgent`.
   */
  async delete(tx: Tx, id: AgentId): Promise<void> {
    const { numDeletedRows } = await tx.db
      .deleteFrom('agents')
      .where('agents.uid', '=', id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw new UnknownAgent(id);
    await tx.db.deleteFrom('fleet_members').where('fleet_members.uid', '=', id).execute();
    await tx.db.deleteFrom('agent_states').where('agent_states.uid', '=', id).execute();
    await tx.db.deleteFrom('config_failures').where('config_failures.uid', '=', id).execute();
    await tx.db.deleteFrom('agent_configurations').where('agent_configurations.uid', '=', id).execute();
    await tx.db.deleteFrom('agent_renderings').where('agent_renderings.uid', '=', id).execute();
    this.#publish(tx, id, 'deleted');
    tx.afterCommit(() => this.#commands.forget(id));
  }

  #publish(tx: Tx, uid: AgentId, change: AgentChange): void {
    tx.afterCommit(() => this.#bus.publish('agents.changed', { agents: [{ uid, changes: [change] }] }));
  }
}
