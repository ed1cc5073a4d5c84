import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import { restartCommand } from '@muster/opamp/server-to-agent';
import type { Delivery, DeliveryReceipt, Yield } from '@muster/messages/delivery';
import type { DesiredConfig, DesiredConfigs } from './desired-configs.ts';
import type { HandOvers } from './hand-overs.ts';
import type { Liveness } from './liveness.ts';
import { offerRefusal, type Offers } from './offers.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

const uidLength = 16;

/** Carries out orders for agents of this gateway (`GatewayDelivery`). */
export class Deliveries {
  readonly #sessions: Sessions;
  readonly #configs: DesiredConfigs;
  readonly #offers: Offers;
  readonly #liveness: Liveness;
  readonly #handOvers: HandOvers;

  constructor(
    sessions: Sessions,
    configs: DesiredConfigs,
    offers: Offers,
    liveness: Liveness,
    handOvers: HandOvers,
  ) {
    this.#handOvers = handOvers;
    this.#sessions = sessions;
    this.#configs = configs;
    this.#offers = offers;
    this.#liveness = liveness;
  }

  /** Answers at once who is not here and who cannot take it; offers go out after, in slices. */
  handle(delivery: Delivery): DeliveryReceipt | Promise<DeliveryReceipt> {
    if (delivery.kind === 'yield') return this.#handOvers.answer(delivery);
    const { held, notHeld } = this.#find(delivery.instanceUids);
    const refusals = this.#carryOut(delivery, held);
    const refused = held.flatMap((session, i) => {
      const reason = refusals[i] ?? null;
      return reason === null ? [] : [{ instanceUid: session.uid, reason }];
    });
    return { notHeld, refused };
  }

  /** Why each agent cannot take it, in order; null: it can. */
  #carryOut(delivery: Exclude<Delivery, Yield>, held: readonly Session[]): (string | null)[] {
    if (delivery.kind === 'restart') return held.map((session) => this.#restart(session));
    if (delivery.kind === 'disconnect')
      return held.map((session) => this.#disconnect(session, delivery.reason));
    const config = this.#desiredConfig(delivery);
    if (config !== null && delivery.retry) {
      // Once: a delivery may come again when the agent has applied it.
      for (const { record } of held) {
        if (!record.hasFailed(config.hash)) continue;
        record.forgetSaid(config.hash);
        record.forgetOffered();
      }
    }
    const refusals = held.map((session) => setDesired(session, config));
    this.#offers.push(held.filter((_, i) => refusals[i] === null));
    return refusals;
  }

  /** Null: nothing is to be offered any more. */
  #desiredConfig(delivery: Delivery & { kind: 'desiredConfig' }): DesiredConfig | null {
    if (delivery.configHash.length === 0) return null;
    const hash = Buffer.from(delivery.configHash).toString('hex');
    return delivery.remoteConfig.length === 0
      ? this.#configs.find(hash)
      : this.#configs.put(hash, delivery.remoteConfig);
  }

  /** A command goes alone in its message and is never sent twice. */
  #restart(session: Session): string | null {
    if (!hasCapability(session.capabilities, agentCapability.AcceptsRestartCommand)) {
      return 'the agent does not accept a restart command';
    }
    if (session.transport === 'http') session.restartWaits = true;
    else if (!session.socket?.link.send(restartCommand(session.uid))) return 'the agent is just reconnecting';
    return null;
  }

  #disconnect(session: Session, reason: string): null {
    const { socket } = session;
    this.#liveness.leave(session);
    if (socket?.onlySession === null) socket.link.close({ code: 1000, text: reason });
    return null;
  }

  #find(instanceUids: Uint8Array): { held: Session[]; notHeld: Uint8Array } {
    const held: Session[] = [];
    const notHeld: Uint8Array[] = [];
    for (let at = 0; at + uidLength <= instanceUids.length; at += uidLength) {
      const uid = instanceUids.subarray(at, at + uidLength);
      const session = this.#sessions.find(uid);
      if (session) held.push(session);
      else notHeld.push(uid);
    }
    return { held, notHeld: Buffer.concat(notHeld) };
  }
}

function setDesired(session: Session, config: DesiredConfig | null): string | null {
  session.desired = config;
  // What is desired after nothing is offered, whatever was offered before, unless the agent has it or failed it.
  if (config === null) {
    session.record.forgetOffered();
    session.record.forgetApplying();
  }
  session.orderedMeanwhile = true;
  return offerRefusal(session);
}
