import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import type { RemoteConfigOffer } from '@muster/opamp/server-to-agent';
import type { DesiredConfigs } from './desired-configs.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { ReportOutbox } from './report-outbox.ts';
import type { Session } from './session.ts';

/**
 * An agent that still reports another config this long after an offer is offered it again. Sooner, it may
 * have said so before the offer reached it.
 */
const offerAgainAfterMs = 30_000;
/**
 * One that polls has read the offer, or lost it, when it posts again, and is offered it again at once; only
 * so often, since one that answers each offer with a report of its own config would be sent it without end.
 */
const offersAgainAtOnce = 3;
/** Pushes in one go; more would keep other agents waiting. */
const pushesAtOnce = 100;
/**
 * After a slice of pushes, so many times as long goes by until the next: an agent's answer takes longer to handle
 * than the push, and agents that only say that they live should not wait behind a crowd of answers.
 */
const restAfterPushes = 3;
/** An offer is told of with what the agent says next, which saves a report; at the latest after this time. */
const tellAfterMs = 1_000;

/**
 * Should the agent be offered its desired config now? Never one it reported FAILED for, never without
 * AcceptsRemoteConfig, and one offer at a time: a second one only for a status that still names another
 * config after it, or after a while (spec "RemoteConfigStatus.last_remote_config_hash").
 */
export function offerIsDue(session: Session, now: number, reportedStatus: boolean): boolean {
  const { desired, record } = session;
  if (desired === null || !session.claimed || !record.statusKnown) return false;
  if (!hasCapability(session.capabilities, agentCapability.AcceptsRemoteConfig)) return false;
  if (record.hasReported(desired.hash) || record.hasFailed(desired.hash)) return false;
  if (session.doubtedUntil > now) return false;
  if (!record.wasOffered(desired.hash)) return true;
  if (!reportedStatus) return false;
  if (session.transport === 'http' && session.offersAgain < offersAgainAtOnce) return true;
  return now - session.offeredAt > offerAgainAfterMs;
}

/** An offer was sent, and the agent has not said yet how it took it. */
export function offerIsOpen({ desired, record }: Session): boolean {
  return (
    desired !== null &&
    record.wasOffered(desired.hash) &&
    !record.hasReported(desired.hash) &&
    !record.hasFailed(desired.hash)
  );
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
  #pushing = false;
  /** Sessions with an offer that may not be told of yet, oldest first. */
  #untold: Session[] = [];

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
    if (sessions.length === 0) return;
    for (const session of sessions) this.#toPush.push(session);
    if (this.#pushing) return;
    this.#pushing = true;
    setImmediate(() => void this.#pushSlice());
  }

  async #pushSlice(): Promise<void> {
    const began = performance.now();
    const slice = this.#toPush.splice(0, pushesAtOnce);
    for (const session of slice) {
      if (session.desired?.offer === null) await this.#configs.load(session.desired);
      this.#pushTo(session);
    }
    const restMs = (performance.now() - began) * restAfterPushes;
    if (this.#toPush.length > 0) setTimeout(() => void this.#pushSlice(), restMs);
    else this.#pushing = false;
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
    const isAgain = session.record.wasOffered(hash) && now - session.offeredAt <= offerAgainAfterMs;
    session.offersAgain = isAgain ? session.offersAgain + 1 : 0;
    session.record.setOffered(hash);
    session.offeredAt = now;
    if (offerError === '') return this.#tellSoon(session, hash);
    session.untoldOffer = null;
    this.#outbox.add(session, { ...session.report(now), offeredConfigHash: hash, offerError });
  }

  #tellSoon(session: Session, hash: Buffer): void {
    session.untoldOffer = hash;
    if (this.#untold.length === 0) setTimeout(() => this.#tell(), tellAfterMs).unref();
    this.#untold.push(session);
  }

  /** Tells of the offers whose agents have said nothing since. */
  #tell(): void {
    const now = Date.now();
    const young = this.#untold.findIndex(({ offeredAt }) => offeredAt > now - tellAfterMs);
    const due = this.#untold.splice(0, young === -1 ? this.#untold.length : young);
    for (const session of due) {
      if (session.untoldOffer !== null) this.#outbox.add(session, session.report(session.offeredAt));
    }
    const next = this.#untold[0];
    if (next) setTimeout(() => this.#tell(), Math.max(1, next.offeredAt + tellAfterMs - now)).unref();
  }
}
