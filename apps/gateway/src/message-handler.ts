import { serverFlag } from '@muster/opamp/opamp';
import {
  hasSubMessage,
  requestInstanceUid,
  subMessageBody,
  subMessageField,
  type AgentToServerScan,
} from '@muster/opamp/scan-agent-to-server';
import type { Log } from '@muster/platform/log';
import type { Admission } from './admission.ts';
import { closeReasons, type CloseReason } from './agent-link.ts';
import type { Answers } from './answers.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { ComponentLists } from './component-lists.ts';
import type { StatePart } from './fingerprints.ts';
import { lacksState, type FullStateRequests } from './full-state-requests.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Guesses } from './guesses.ts';
import type { Liveness } from './liveness.ts';
import { offerIsDue, type Offers } from './offers.ts';
import type { Refusals } from './refusals.ts';
import type { Presence } from '@muster/agents/presence';
import type { OverQuota, Quotas } from './quotas.ts';
import type { Reidentifications } from './reidentifications.ts';
import type { ReportOutbox } from './report-outbox.ts';
import { countsAnew, judgeSequence, mayBeOvertaken, type SequenceVerdict } from './sequence.ts';
import type { SequenceStreams } from './sequence-streams.ts';
import { keepMessage, type AgentMessage, type Connection, type Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { checkEverything, checkNews, forwardedBytes, newsIn, rememberNews } from './status-report.ts';
import type { Takeovers } from './takeovers.ts';

export interface MessageHandlerDeps {
  admission: Admission;
  answers: Answers;
  checkpoints: Checkpoints;
  componentLists: ComponentLists;
  fullState: FullStateRequests;
  guesses: Guesses;
  liveness: Liveness;
  metrics: GatewayMetrics;
  offers: Offers;
  outbox: ReportOutbox;
  /** Milliseconds; see `Incumbents`. */
  quietMs: number;
  refusals: Refusals;
  presence: Pick<Presence, 'forget'>;
  quotas: Quotas;
  reidentifications: Reidentifications;
  sessions: Sessions;
  streams: SequenceStreams;
  takeovers: Takeovers;
  log: Log;
}

/** When the agent was claimed that the message at hand is of. */
type Claim = 'before' | 'now';

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

  /** The same for a message whose agent is not here yet. */
  sendAway({ link }: Connection, instanceUid: Uint8Array): void {
    this.#deps.metrics.refused += 1;
    const retryAfterSeconds = this.#deps.admission.later();
    link.refuse({ kind: 'unavailable', instanceUid, retryAfterSeconds });
  }

  /** No message of the agent waits any more: an order that came meanwhile is carried out. */
  settled(session: Session): void {
    if (offerIsDue(session, Date.now(), false)) this.#deps.offers.push([session]);
  }

  async #claim(session: Session, message: AgentMessage): Promise<void> {
    checkEverything(message.scan);
    const isHttp = message.connection.link.transport === 'http';
    if (isHttp && !session.known) {
      const retryAfter = this.#deps.admission.admit();
      if (retryAfter !== null) {
        this.turnAway(session, message, retryAfter);
        return this.#deps.sessions.remove(session);
      }
    }
    if (isHttp && this.#deps.streams.isIntruder(session.uid, message.scan.sequenceNum)) {
      return this.#separate(session, message);
    }
    if (!(await this.#take(session, message))) return;
    const overQuota = session.known ? null : this.#deps.quotas.enrols(message.connection, message.scan);
    if (overQuota !== null) return this.#sendBack(session, message, overQuota);
    await this.#judge(session, message, 'now');
  }

  /** A new agent that comes in too fast is not kept: Presence knew nothing of it before. */
  async #sendBack(session: Session, { connection }: AgentMessage, overQuota: OverQuota): Promise<void> {
    const { presence, quotas, sessions, log } = this.#deps;
    const uid = Buffer.from(session.uid);
    const { agent } = session;
    sessions.remove(session);
    await presence.forget([agent]).catch((error: unknown) => {
      log.warn({ err: error, agent }, 'an agent over the quota could not be forgotten');
    });
    quotas.refuse(connection, uid, overQuota, 'agentsOverQuota');
  }

  /** False: the agent was answered, and is not here. */
  async #take(session: Session, message: AgentMessage): Promise<boolean> {
    const { takeovers, reidentifications, sessions, log } = this.#deps;
    try {
      const taken = await takeovers.take(session, message);
      if (taken.kind === 'taken') return true;
      if (taken.kind === 'duplicate') this.#separate(session, message);
      else if (taken.kind === 'notLetIn') this.#refuse(session, message);
      else if (taken.kind === 'foreign') {
        const uid = Buffer.from(session.uid);
        this.#deps.liveness.forget(session);
        this.#deps.refusals.refuse(message.connection, uid, taken.keeper);
      } else if (taken.kind === 'undecided') {
        this.turnAway(session, message);
        this.#letGo(session, message, closeReasons.unavailable);
      } else {
        reidentifications.remind(message.connection, session.uid, taken.successor);
        sessions.remove(session);
      }
    } catch (error) {
      log.warn({ err: error, agent: session.agent }, 'an agent could not be claimed and is sent away');
      this.turnAway(session, message);
      this.#letGo(session, message, closeReasons.unavailable);
    }
    return false;
  }

  #refuse(session: Session, message: AgentMessage): void {
    this.#deps.metrics.unauthorized += 1;
    const reason =
      'the enrollment token lets no more agents in (its own limit, or MUSTER_MAX_AGENTS_PER_TOKEN)';
    message.connection.link.refuse({ kind: 'unauthorized', instanceUid: session.uid, reason });
    this.#letGo(session, message, closeReasons.unauthorized);
  }

  /** Another client has this uid, and had it first. */
  #separate(session: Session, message: AgentMessage): void {
    // Over HTTP the session here may be the other's.
    if (session.socket === message.connection || !session.known) this.#deps.sessions.remove(session);
    this.#deps.reidentifications.separate(message, null);
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
    // A poll in between may have gone to another gateway.
    const elsewhere = verdict === 'gap' && session.transport === 'http';
    if (claim === 'before' && (elsewhere || countsAnew(verdict, last, scan.sequenceNum))) {
      return this.#claim(session, keepMessage(message));
    }
    if (session.transport === 'http' && session.known) {
      const speaker = this.#speaker(session, scan, verdict, message.receivedAt);
      if (speaker === 'another') this.#separate(session, message);
      else if (speaker === 'unclear') this.turnAway(session, message);
      if (speaker !== 'agent') return null;
    }
    if (claim === 'before') checkNews(scan, news);
    const overQuota =
      session.known && news.length > 0 ? this.#deps.quotas.changes(session, scan, news) : null;
    if (overQuota !== null) {
      session.refused(overQuota.retryAfterSeconds);
      this.#deps.quotas.refuse(message.connection, session.uid, overQuota, 'contentsOverQuota');
      return null;
    }
    return this.#accept(session, message, verdict, news, unknown.find((part) => part.hashOnly) ?? null);
  }

  /** Does a poll that does not follow come from a second client with this uid? Learns from it, too. */
  #speaker(
    session: Session,
    { sequenceNum }: AgentToServerScan,
    verdict: SequenceVerdict,
    now: number,
  ): 'agent' | 'another' | 'unclear' {
    if (verdict === 'next' || verdict === 'bare') return 'agent';
    const { guesses, streams, quietMs } = this.#deps;
    const { uid, sequenceNum: last } = session;
    if (verdict === 'repeat') {
      // Two clients in step, or one that did not hear the answer.
      if (session.doubtedUntil > now) session.doubtedUntil = now + quietMs;
      return 'agent';
    }
    if (streams.isIntruder(uid, sequenceNum)) return 'another';
    // If this is another's number, the agent's own go on by then.
    if (session.announced) session.doubtedUntil = now + quietMs;
    if (verdict === 'late') return 'agent';
    if (streams.resumes(uid, sequenceNum) && !mayBeOvertaken(last, sequenceNum)) {
      streams.intrudes(uid, last);
      guesses.wrong(uid, now);
      return 'agent';
    }
    return streams.replaced(uid, last) ? 'agent' : 'unclear';
  }

  #accept(
    session: Session,
    message: AgentMessage,
    verdict: SequenceVerdict,
    news: readonly StatePart[],
    namedList: StatePart | null,
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
    if ((scan.flags & requestInstanceUid) !== 0) return this.#rename(session, message);
    const flags = this.#flags(session, verdict);
    if (namedList === null && !session.componentsWanted) return answers.send(session, message, flags);
    return this.#answerAboutComponents(session, message, flags, namedList);
  }

  /** One agent of the fleet is asked for each list (spec "ServerToAgent.flags", ReportAvailableComponents). */
  #answerAboutComponents(
    session: Session,
    message: AgentMessage,
    flags: number,
    namedList: StatePart | null,
  ): Promise<void> | null {
    const { answers, componentLists } = this.#deps;
    const wanted = session.componentsWanted;
    session.componentsWanted = false;
    const withFlag = (ask: boolean) => (ask || wanted ? flags | serverFlag.reportAvailableComponents : flags);
    const ask = namedList !== null && componentLists.named(session, namedList);
    if (typeof ask === 'boolean') return answers.send(session, message, withFlag(ask));
    const kept = keepMessage(message);
    return ask.then(async (first) => {
      await answers.send(session, kept, withFlag(first));
    });
  }

  async #rename(session: Session, message: AgentMessage): Promise<void> {
    try {
      await this.#deps.reidentifications.rename(session, message);
    } catch (error) {
      this.#deps.log.warn(
        { err: error, agent: session.agent },
        'an agent could not be given another uid yet',
      );
      this.turnAway(session, message);
    }
  }

  /** A message without news costs no report, unless it brings the agent online or has it under a new name. */
  #report(
    session: Session,
    message: AgentMessage,
    verdict: SequenceVerdict,
    agentToServer: Uint8Array,
  ): void {
    if (agentToServer.length === 0 && session.announced && session.former === null) return;
    const sequenceNum = verdict === 'bare' ? session.sequenceNum : message.scan.sequenceNum;
    const connected = !session.announced;
    session.announced = true;
    this.#deps.outbox.add(session, {
      ...session.report(message.receivedAt),
      sequenceNum,
      agentToServer,
      connected,
    });
    session.former = null;
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
    for (const { field, ownHash } of news) {
      if (field === subMessageField.availableComponents) {
        this.#deps.componentLists.reported(ownHash, subMessageBody(scan, field)!);
      }
    }
    // A full state without a status is the agent's way to say that it reports none.
    if (verdict === 'complete' || (verdict === 'next' && session.fullStateAsked)) record.statusKnown = true;
    if (verdict !== 'bare') session.fullStateAsked = false;
    // The agent did not hear the answer, nor the offer in it.
    if (verdict === 'repeat' && session.transport === 'http') record.forgetOffered();
  }

  #flags(session: Session, verdict: SequenceVerdict): number {
    if (verdict !== 'gap' && !lacksState(session)) return 0;
    if (session.askAgainAt > Date.now() / 1_000) return 0;
    return this.#deps.fullState.flagsFor(session);
  }
}
