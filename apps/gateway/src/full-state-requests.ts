import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import { serverFlag } from '@muster/opamp/opamp';
import { answer } from '@muster/opamp/server-to-agent';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { serverCapabilities } from './server-capabilities.ts';
import type { Session } from './session.ts';

/** A full state can be hundreds of kilobytes, so after a failure agents are not all asked at once. */
const perSecond = 500;
const ticksPerSecond = 10;

/** Does this gateway not know the agent's state, or not the part of it that decides on an offer that waits? */
export function lacksState({ record, desired, capabilities }: Session): boolean {
  const mayWantOffer = desired !== null && hasCapability(capabilities, agentCapability.AcceptsRemoteConfig);
  return record.fullStateOwed || (mayWantOffer && !record.statusKnown);
}

/**
 * Asks agents for their full state (flag ReportFullState): in the answer to a message that shows that
 * something is missing, and of the server's own accord after reports were lost, once they can be
 * published again.
 */
export class FullStateRequests {
  readonly #metrics: GatewayMetrics;
  readonly #canReport: () => boolean;
  /** Agents that are to be asked, over WebSocket, as soon as may be. */
  readonly #owed = new Set<Session>();
  readonly #timer: NodeJS.Timeout;
  #budget = perSecond;

  /** `canReport`: the bus takes reports. */
  constructor(metrics: GatewayMetrics, canReport: () => boolean) {
    this.#metrics = metrics;
    this.#canReport = canReport;
    this.#timer = setInterval(() => this.#tick(), 1_000 / ticksPerSecond);
    this.#timer.unref();
  }

  /** What this agent reported is lost. */
  owe(session: Session): void {
    session.record.forgetFingerprints();
    session.record.fullStateOwed = true;
    this.#owed.add(session);
  }

  /** The flags of an answer to an agent of which something is missing: it is asked now or, when many are, a little later. */
  flagsFor(session: Session): number {
    if (this.#budget < 1 || !this.#canReport()) {
      session.record.fullStateOwed = true;
      this.#owed.add(session);
      return 0;
    }
    this.#asked(session);
    return serverFlag.reportFullState;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    this.#budget = Math.min(perSecond, this.#budget + perSecond / ticksPerSecond);
    if (!this.#canReport()) return;
    for (const session of this.#owed) {
      if (this.#budget < 1) return;
      this.#owed.delete(session);
      // An agent that is away, or polls, is asked in the answer to its next message.
      if (session.socket === null || !session.record.fullStateOwed) continue;
      const sent = session.socket.link.send(
        answer(session.uid, serverCapabilities, serverFlag.reportFullState),
      );
      if (sent) this.#asked(session);
    }
  }

  #asked(session: Session): void {
    this.#budget -= 1;
    this.#metrics.fullStateAsked += 1;
    session.record.fullStateOwed = false;
    session.fullStateAsked = true;
    this.#owed.delete(session);
  }
}
