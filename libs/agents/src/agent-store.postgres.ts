import type { Tx } from '@muster/db/transaction';
import type { EventBus } from '@muster/messages/event-bus';
import type { AgentChange } from '@muster/messages/vocabulary';
import type { Log } from '@muster/platform/log';
import { deleteAgents } from './agent-deletion.postgres.ts';
import type { AgentCommands } from './agent-commands.ts';
import type { AgentId } from './agent-id.ts';
import { UnknownAgent } from './errors.ts';
import { checkLabels, type Labels } from './labels.ts';

/**
 * What operators change of an agent. `agents.changed` is published after the commit. What is committed is done: that
 * the bus or Presence is away then is logged.
 */
export class AgentStore {
  readonly #bus: EventBus;
  readonly #commands: Pick<AgentCommands, 'forget'>;
  readonly #log: Log;

  constructor(bus: EventBus, commands: Pick<AgentCommands, 'forget'>, log: Log) {
    this.#bus = bus;
    this.#commands = commands;
    this.#log = log;
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
   * comes back with a valid credential enrols anew, and is still not offered what it has failed: only people
   * lift that. Throws `UnknownAgent`.
   */
  async delete(tx: Tx, id: AgentId): Promise<void> {
    if ((await deleteAgents(tx, [id])).length === 0) throw new UnknownAgent(id);
    this.#publish(tx, id, 'deleted');
    tx.afterCommit(() =>
      this.#commands
        .forget(id)
        .catch((error: unknown) =>
          this.#log.warn({ err: error, agent: id }, 'a deleted agent may stay connected'),
        ),
    );
  }

  #publish(tx: Tx, uid: AgentId, change: AgentChange): void {
    const fact = { agents: [{ uid, changes: [change] }] };
    tx.afterCommit(() =>
      this.#bus
        .publish('agents.changed', fact)
        .catch((error: unknown) =>
          this.#log.warn({ err: error, agent: uid }, 'could not publish a change of an agent'),
        ),
    );
  }
}
