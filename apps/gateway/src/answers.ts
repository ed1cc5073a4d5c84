import { answer, restartCommand } from '@muster/opamp/server-to-agent';
import { hasSubMessage, subMessageField } from '@muster/opamp/scan-agent-to-server';
import type { DesiredConfigs } from './desired-configs.ts';
import { offerIsDue, type Offers } from './offers.ts';
import { serverCapabilities } from './server-capabilities.ts';
import type { AgentMessage, Session } from './session.ts';

/** Answers messages that were taken: plainly, or with what waits for the agent. */
export class Answers {
  readonly #offers: Offers;
  readonly #configs: DesiredConfigs;

  constructor(offers: Offers, configs: DesiredConfigs) {
    this.#offers = offers;
    this.#configs = configs;
  }

  /** Answers an agent that is leaving: it would take nothing any more. */
  farewell(session: Session, message: AgentMessage): void {
    message.connection.link.send(answer(session.uid, serverCapabilities));
  }

  /** Answers at once (null), unless the configuration to offer must be loaded first. */
  send(session: Session, message: AgentMessage, flags: number): Promise<void> | null {
    const { link } = message.connection;
    if (session.restartWaits && session.doubtedUntil <= message.receivedAt) {
      session.restartWaits = false;
      link.send(restartCommand(session.uid));
    } else if (flags !== 0 || !this.#offerIsDue(session, message)) {
      link.send(answer(session.uid, serverCapabilities, flags));
    } else if (session.desired!.offer === null) {
      return this.#configs.load(session.desired!).then(() => this.#sendWithOffer(session, message));
    } else {
      this.#sendWithOffer(session, message);
    }
    return null;
  }

  #offerIsDue(session: Session, message: AgentMessage): boolean {
    const reportsStatus = hasSubMessage(message.scan, subMessageField.remoteConfigStatus);
    return offerIsDue(session, message.receivedAt, reportsStatus);
  }

  #sendWithOffer(session: Session, message: AgentMessage): void {
    const { link } = message.connection;
    const offer = this.#offers.prepared(session, message.receivedAt);
    if (offer === null) link.send(answer(session.uid, serverCapabilities));
    else if (link.send(offer.addressedTo(session.uid))) this.#offers.sent(session, message.receivedAt);
  }
}
