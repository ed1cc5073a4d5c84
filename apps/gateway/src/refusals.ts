import { agentIdFromBytes } from '@muster/agents/agent-id';
import type { Keeper } from '@muster/agents/owner';
import { closeReasons } from './agent-link.ts';
import type { ContestedAgents } from './contested-agents.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { uidKey, type Connection } from './session.ts';

/** One who was refused is refused for so long without a look. */
const rememberedForMs = 10_000;
const rememberedAtMost = 10_000;

/** Refuses clients that want an agent which belongs to another token or certificate. */
export class Refusals {
  readonly #metrics: GatewayMetrics;
  readonly #contested: ContestedAgents;
  /** Whom an agent was refused, the one refused longest ago first. */
  readonly #refused = new Map<string, { keeper: Keeper; until: number }>();

  constructor(metrics: GatewayMetrics, contested: ContestedAgents) {
    this.#metrics = metrics;
    this.#contested = contested;
  }

  /** Whose the agent is, when it was refused to this connection's token or certificate a moment ago. */
  lately(connection: Connection, uid: Uint8Array): Keeper | null {
    if (this.#refused.size === 0) return null;
    const refused = this.#refused.get(keyOf(connection, uid));
    return refused !== undefined && refused.until > Date.now() ? refused.keeper : null;
  }

  /** Answers, and closes a WebSocket that carries no other agent. */
  refuse(connection: Connection, uid: Uint8Array, keeper: Keeper): void {
    const { link, owner } = connection;
    this.#metrics.foreign += 1;
    if (this.lately(connection, uid) === null) this.#remember(keyOf(connection, uid), keeper);
    this.#contested.note({
      uid,
      outcome: 'refused',
      keeper,
      claimant: { owner, remoteAddress: link.remoteAddress },
    });
    link.refuse({ kind: 'forbidden', instanceUid: uid, reason: `instance_uid: ${reasonOf(uid, keeper)}` });
    if (connection.agents === 0) link.close(closeReasons.notItsOwn);
  }

  /** What an operator changed may let in who was refused. */
  forget(): void {
    this.#refused.clear();
  }

  #remember(key: string, keeper: Keeper): void {
    this.#refused.delete(key);
    this.#refused.set(key, { keeper, until: Date.now() + rememberedForMs });
    if (this.#refused.size > rememberedAtMost) this.#refused.delete(this.#refused.keys().next().value!);
  }
}

function reasonOf(uid: Uint8Array, { owner }: Keeper): string {
  const agent = `agent ${agentIdFromBytes(uid)} belongs to another`;
  return owner.startsWith('certificate/')
    ? `${agent} client certificate; connect with a certificate of the same names, or let an operator delete the agent`
    : `${agent} enrollment token; connect with that one, with a token that may take over agents (an operator allows that), or under an instance_uid of its own`;
}

function keyOf(connection: Connection, uid: Uint8Array): string {
  return `${uidKey(uid)} ${connection.owner}`;
}
