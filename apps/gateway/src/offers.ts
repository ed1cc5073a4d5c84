import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import type { RemoteConfigOffer } from '@muster/opamp/server-to-agent';
import type { DesiredConfigs } from './desired-configs.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { ReportOutbox } from './report-outbox.ts';
import type { Session } from './session.ts';

/** An agent that still reports another config this long after an offer is offered it again. */
const offerAgainAfterMs = 30_000;
/** Pushes in one go; more would keep other agents waiting. */
const pushesAtOnce = 250;

/**
 * Should the agent be offered its desired config now? Never one it reported FAILED for, never without
 * AcceptsRemoteConfig, and one offer at a time: a second one only for a status that still names another
 * config after a while.
 */
export function offerIsDue(session: Session, now: number, reportedStatus: boolean): boolean {
  const { desired, record } = session;
  if (desired === null || !session.claimed || !record.statusKnown) return false;
  if (!hasCapability(session.capabilities, agentCapability.AcceptsRemoteConfig)) return false;
  if (record.hasReported(desired.hash) || record.hasFailed(desired.hash)) return false;
  if (!record.wasOffered(desired.hash)) return true;
  return reportedStatus && now - session.offeredAt > offerAgainAfterMs;
}

/** Why an agent will not take its desired config, or null. */
export function offerRefusal(session: Session): string | null {
  if (session.desired === null) return null;
  // An agent that has said nothing yet may turn out to accept it.
  if (session.known && !hasCapability(session.capabilities, agentCapability.AcceptsRemoteConfig)) {
    return 'the agent does not accept remote configuration';
  }
  if (session.record.hasFailed(session.desired.hash))
    return 'the agent reported FAILED for this configuration';
  return null;
}

/** Sends desired configs, and says so in the reports. */
export class Offers {
  readonly #configs: DesiredConfigs;
  readonly #outbox: ReportOutbox;
  readonly #metrics: GatewayMetrics;
  readonly #sendLimit: number;
  #toPush: Session[] = [];

  /** `sendLimit`: bytes of one message with its header. */
  constructor(configs: DesiredConfigs, outbox: ReportOutbox, metrics: GatewayMetrics, sendLimit: number) {
    this.#configs = configs;
    this.#outbox = outbox;
    this.#metrics = metrics;
    this.#sendLimit = sendLimit;
  }

  /**
   * What to send to an agent that is due an offer: null when it is not loaded, or too large to be sent
   * at all, which is reported once.
   */
  prepared(session: Session, now: number): RemoteConfigOffer | null {
    const offer = session.desired?.offer ?? null;
    if (offer === null || offer.size <= this.#sendLimit) return offer;
    const problem = `the configuration makes a message of ${offer.size} bytes, the limit is ${this.#sendLimit}`;
    this.#noteOffer(session, now, problem);
    return null;
  }

  /** Notes that the agent was sent its desired config. */
  sent(session: Session, now: number): void {
    this.#metrics.offers += 1;
    this.#noteOffer(session, now, '');
  }

  /** Pushes their desired config to agents that are due it, a slice in each turn of the event loop. */
  push(sessions: readonly Session[]): void {
    const idle = this.#toPush.length === 0;
    this.#toPush.push(...sessions);
    if (idle) setImmediate(() => void this.#pushSlice());
  }

  async #pushSlice(): Promise<void> {
    const slice = this.#toPush.slice(0, pushesAtOnce);
    for (const session of slice) {
      if (session.desired?.offer === null) await this.#configs.load(session.desired);
      this.#pushTo(session);
    }
    this.#toPush = this.#toPush.slice(slice.length);
    if (this.#toPush.length > 0) setImmediate(() => void this.#pushSlice());
  }

  /** An agent whose messages wait for something gets the offer with the answer to them. */
  #pushTo(session: Session): void {
    const now = Date.now();
    if (session.socket === null || session.inbox !== null || !offerIsDue(session, now, false)) return;
    const offer = this.prepared(session, now);
    if (offer !== null && session.socket.link.send(offer.addressedTo(session.uid))) this.sent(session, now);
  }

  #noteOffer(session: Session, now: number, offerError: string): void {
    const { hash } = session.desired!;
    session.record.setOffered(hash);
    session.offeredAt = now;
    this.#outbox.add(session, { ...session.report(now), offeredConfigHash: hash, offerError });
  }
}
