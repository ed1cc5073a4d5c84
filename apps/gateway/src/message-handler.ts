import { setTimeout as pause } from 'node:timers/promises';
import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import { serverFlag } from '@muster/opamp/opamp';
import { hasSubMessage, subMessageField, type AgentToServerScan } from '@muster/opamp/scan-agent-to-server';
import type { Log } from '@muster/platform/log';
import type { Admission } from './admission.ts';
import { closeReasons, type CloseReason } from './agent-link.ts';
import type { Answers } from './answers.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { StatePart } from './fingerprints.ts';
import type { FullStateRequests } from './full-state-requests.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Liveness } from './liveness.ts';
import { offerIsDue, type Offers } from './offers.ts';
import type { ReportOutbox } from './report-outbox.ts';
import { countsAnew, judgeSequence, type SequenceVerdict } from './sequence.ts';
import { keepMessage, type AgentMessage, type Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { checkEverything, checkNews, forwardedBytes, newsIn, rememberNews } from './status-report.ts';
import type { Takeovers } from './takeovers.ts';

export interface MessageHandlerDeps {
  admission: Admission;
  answers: Answers;
  checkpoints: Checkpoints;
  fullState: FullStateRequests;
  liveness: Liveness;
  metrics: GatewayMetrics;
  offers: Offers;
  outbox: ReportOutbox;
  sessions: Sessions;
  takeovers: Takeovers;
  log: Log;
}

/** The gateway that held the agent before may still be telling Presence how far the agent came. */
const lookAgainAfterMs = 150;

/** How the agent was claimed for the message at hand. */
type Claim = 'before' | 'now' | 'nowFromOtherGateway' | 'again';

/** Handles the messages of agents, one at a time for each agent (`Inboxes`). */
export class MessageHandler {
  readonly #deps: MessageHandlerDeps;

  constructor(deps: MessageHandlerDeps) {
    this.#deps = deps;
  }

  /**
   * Handles a message and answers it: at once (null) unless something must be waited for. Throws, or
   * rejects with, `MalformedMessage`; then nothing has changed.
   */
  handle(session: Session, message: AgentMessage): Promise<void> | null {
    return session.claimed
      ? this.#judge(session, message, 'before')
      : this.#claim(session, keepMessage(message));
  }

  /** The agent has to send the message again later. */
  turnAway(session: Session, message: AgentMessage, retryAfterSeconds = this.#deps.admission.later()): void {
    this.#deps.metrics.refused += 1;
    message.connection.link.refuse({ kind: 'unavailable', instanceUid: session.uid, retryAfterSeconds });
  }

  /** No message of the agent waits any more: an order that came meanwhile is carried out. */
  settled(session: Session): void {
    if (offerIsDue(session, Date.now(), false)) this.#deps.offers.push([session]);
  }

  async #claim(session: Session, message: AgentMessage): Promise<void> {
    checkEverything(message.scan);
    const { connection } = message;
    if (connection.link.transport === 'http' && !session.known) {
      const retryAfter = this.#deps.admission.admit();
      if (retryAfter !== null) {
        this.turnAway(session, message, retryAfter);
        return this.#deps.sessions.remove(session);
      }
    }
    const taken = await this.#take(session, message);
    if (taken) await this.#judge(session, message, taken.fromOtherGateway ? 'nowFromOtherGateway' : 'now');
  }

  /** Null: the agent was sent away. */
  async #take(session: Session, message: AgentMessage): Promise<{ fromOtherGateway: boolean } | null> {
    const { takeovers, metrics, log } = this.#deps;
    try {
      const taken = await takeovers.take(session, message.connection);
      if (taken) return taken;
    } catch (error) {
      log.warn({ err: error, agent: session.agent }, 'an agent could not be claimed and is sent away');
      this.turnAway(session, message);
      this.#letGo(session, message, closeReasons.unavailable);
      return null;
    }
    metrics.unauthorized += 1;
    const reason = 'the enrollment token lets no more agents in';
    message.connection.link.refuse({ kind: 'unauthorized', instanceUid: session.uid, reason });
    this.#letGo(session, message, closeReasons.unauthorized);
    return null;
  }

  /** An agent that could not be claimed is not here; a connection that others use stays open. */
  #letGo(session: Session, { connection }: AgentMessage, reason: CloseReason): void {
    const isAlone = connection.onlySession === session;
    if (session.known) this.#deps.liveness.away(session);
    else this.#deps.sessions.remove(session);
    if (isAlone) connection.link.close(reason);
  }

  #judge(session: Session, message: AgentMessage, claim: Claim): Promise<void> | null {
    const { scan } = message;
    const unknown = newsIn(scan, session.record);
    const news = unknown.filter((part) => !part.hashOnly);
    const last = session.known ? session.sequenceNum : null;
    const verdict = judgeSequence({
      last,
      message: scan,
      capabilities: scan.capabilities || session.capabilities,
      bringsNews: news.length > 0,
      unordered: session.transport === 'http',
    });
    if (verdict === 'gap' && claim === 'nowFromOtherGateway') return this.#lookAgain(session, message);
    // A poll in between may have gone to another gateway.
    const elsewhere = verdict === 'gap' && session.transport === 'http';
    if (claim === 'before' && (elsewhere || countsAnew(verdict, last, scan.sequenceNum))) {
      return this.#claim(session, keepMessage(message));
    }
    if (claim === 'before') checkNews(scan, news);
    return this.#accept(session, message, verdict, news, news.length < unknown.length);
  }

  async #lookAgain(session: Session, message: AgentMessage): Promise<void> {
    await pause(lookAgainAfterMs);
    // Known from the other gateway only: what it says now counts.
    session.known = false;
    if (await this.#take(session, message)) await this.#judge(session, message, 'again');
  }

  #accept(
    session: Session,
    message: AgentMessage,
    verdict: SequenceVerdict,
    news: readonly StatePart[],
    componentsMissing: boolean,
  ): Promise<void> | null {
    const { scan } = message;
    const { answers, checkpoints, liveness } = this.#deps;
    const forwarded = forwardedBytes(scan, news, session);
    this.#remember(session, scan, verdict, news);
    this.#report(session, message, verdict, forwarded);
    if (hasSubMessage(scan, subMessageField.agentDisconnect)) {
      answers.farewell(session, message);
      liveness.leave(session);
      return null;
    }
    checkpoints.note(session);
    const flags = this.#flags(session, verdict) | this.#componentsFlag(session, componentsMissing);
    return answers.send(session, message, flags);
  }

  /** A message without news costs no report, unless it brings the agent online. */
  #report(
    session: Session,
    message: AgentMessage,
    verdict: SequenceVerdict,
    agentToServer: Uint8Array,
  ): void {
    if (agentToServer.length === 0 && session.announced) return;
    const sequenceNum = verdict === 'bare' ? session.sequenceNum : message.scan.sequenceNum;
    const connected = !session.announced;
    session.announced = true;
    this.#deps.outbox.add(session, {
      ...session.report(message.receivedAt),
      sequenceNum,
      agentToServer,
      connected,
    });
  }

  #remember(
    session: Session,
    scan: AgentToServerScan,
    verdict: SequenceVerdict,
    news: readonly StatePart[],
  ): void {
    const { record } = session;
    if (verdict === 'late') {
      // Its successor may have said the same or something newer: the next word on it goes through.
      for (const { slot } of news) record.forgetFingerprint(slot);
      return;
    }
    if (scan.capabilities !== 0) session.capabilities = scan.capabilities;
    if (verdict !== 'bare') session.sequenceNum = scan.sequenceNum;
    session.known = true;
    rememberNews(scan, news, record);
    // A full state without a status is the agent's way to say that it reports none.
    if (verdict === 'complete' || (verdict === 'next' && session.fullStateAsked)) record.statusKnown = true;
    if (verdict !== 'bare') session.fullStateAsked = false;
    // The agent did not hear the answer, nor the offer in it.
    if (verdict === 'repeat' && session.transport === 'http') record.forgetOffered();
  }

  #flags(session: Session, verdict: SequenceVerdict): number {
    const { record, desired, capabilities } = session;
    const mayWantOffer = desired !== null && hasCapability(capabilities, agentCapability.AcceptsRemoteConfig);
    const missing = verdict === 'gap' || record.fullStateOwed || (mayWantOffer && !record.statusKnown);
    return missing ? this.#deps.fullState.flagsFor(session) : 0;
  }

  /** Asks for the list behind a hash that is new (spec "ServerToAgent.flags", ReportAvailableComponents). */
  #componentsFlag({ capabilities }: Session, missing: boolean): number {
    const canReport = hasCapability(capabilities, agentCapability.ReportsAvailableComponents);
    return missing && canReport ? serverFlag.reportAvailableComponents : 0;
  }
}
