import type { Delivery } from '@muster/messages/delivery';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import { agentIdToBytes, type AgentId } from './agent-id.ts';
import type { AgentViews } from './agent-views.postgres.ts';
import { AgentOffline, CommandRefused, UnknownAgent } from './errors.ts';
import type { Presence } from './presence.ts';

/** Orders to one agent through the gateway that holds it. They are never repeated by themselves. */
export class AgentCommands {
  readonly #views: Pick<AgentViews, 'many'>;
  readonly #presence: Presence;
  readonly #delivery: GatewayDelivery;

  constructor(deps: { views: Pick<AgentViews, 'many'>; presence: Presence; delivery: GatewayDelivery }) {
    this.#views = deps.views;
    this.#presence = deps.presence;
    this.#delivery = deps.delivery;
  }

  /**
   * Resolves when the gateway has sent the command: OpAMP has no acknowledgement, health tells. Throws
   * `UnknownAgent`, `AgentOffline`, `CommandRefused` and, when it is not known what became of it,
   * `GatewayUnreachable`.
   */
  restart(id: AgentId): Promise<void> {
    return this.#order(id, (instanceUids) => ({ kind: 'restart', instanceUids }));
  }

  /** Closes the agent's connection; it may come back. Throws as `restart` does. */
  disconnect(id: AgentId, reason: string): Promise<void> {
    return this.#order(id, (instanceUids) => ({ kind: 'disconnect', instanceUids, reason }));
  }

  /** After an agent was deleted: nothing of its session is kept, and its connection is closed. */
  async forget(id: AgentId): Promise<void> {
    const gateway = (await this.#presence.locate([id])).get(id);
    await this.#presence.forget([id]);
    if (gateway === undefined) return;
    const instanceUids = agentIdToBytes(id);
    await this.#delivery.deliver(gateway, {
      kind: 'disconnect',
      instanceUids,
      reason: 'the agent was deleted',
    });
  }

  async #order(id: AgentId, delivery: (instanceUids: Uint8Array) => Delivery): Promise<void> {
    if ((await this.#views.many([id])).length === 0) throw new UnknownAgent(id);
    const gateway = (await this.#presence.locate([id])).get(id);
    if (gateway === undefined) throw new AgentOffline(id);
    const { notHeld, refused } = await this.#delivery.deliver(gateway, delivery(agentIdToBytes(id)));
    if (refused[0]) throw new CommandRefused(refused[0].reason);
    if (notHeld.length > 0) throw new AgentOffline(id);
  }
}
