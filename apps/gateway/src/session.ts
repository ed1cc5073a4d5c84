import { agentIdFromBytes, agentIdToBytes, type AgentId } from '@muster/agents/agent-id';
import type { Claimant, Owner } from '@muster/agents/owner';
import type { Mark } from '@muster/agents/presence';
import type { Report, Transport } from '@muster/messages/report-frame';
import type { AgentToServerScan } from '@muster/opamp/scan-agent-to-server';
import type { AgentLink } from './agent-link.ts';
import type { CertificateIdentity } from './client-certificates.ts';
import type { AcceptedToken } from './credentials.ts';
import type { DesiredConfig } from './desired-configs.ts';
import { ProofOfLife } from './proof-of-life.ts';
import { SessionRecord } from './session-record.ts';

/** A message of an agent, with the connection its answer goes to. */
export interface AgentMessage {
  connection: Connection;
  scan: AgentToServerScan;
  /** Unix milliseconds. */
  receivedAt: number;
  /** Its bytes are in memory of their own. */
  isKept: boolean;
}

/** The message in memory of its own: what a WebSocket hands over is only valid during the call. */
export function keepMessage(message: AgentMessage): AgentMessage {
  if (message.isKept) return message;
  const { scan } = message;
  const bytes = Buffer.from(scan.bytes);
  const instanceUid = scan.instanceUid && Buffer.from(scan.instanceUid);
  return { ...message, scan: { ...scan, bytes, instanceUid }, isKept: true };
}

/**
 * One agent on this gateway, for as long as the gateway holds it. It outlives a connection: an agent
 * that comes back goes on where it was.
 */
export class Session {
  /** Where pushes go: the agent's WebSocket; null over plain HTTP and while it is away. */
  socket: Connection | null = null;
  transport: Transport = 'websocket';
  remoteAddress = '';
  enrollmentTokenId = '';
  /** Identity of the client certificate that the agent belongs to; null: it belongs to the enrollment token. */
  certificate: string | null = null;

  /** True when this gateway holds the agent for its present connection. */
  claimed = false;
  /** True when the agent counts as connected already: no report needs to say so. */
  announced = false;
  epoch = 0;
  /** True once something is known of the agent: `sequenceNum`, `capabilities` and `record` count. */
  known = false;
  sequenceNum = 0;
  capabilities = 0;
  readonly record: SessionRecord;
  /** Unix milliseconds. */
  lastSeen = 0;

  /** The uid the agent was told to use from now on; null: it keeps this one. */
  successor: Buffer | null = null;
  /** The uid the record knows the agent by; null: this one. The next report tells it. */
  former: AgentId | null = null;

  #desired: DesiredConfig | null = null;
  /** An order set `desired` while the claim was under way: it is newer than what the claim brings. */
  orderedMeanwhile = false;
  /** Unix milliseconds of the last offer on this connection. */
  offeredAt = 0;
  /** How often the same was offered again since, each time soon after the last. */
  offersAgain = 0;
  /** The config hash of an offer that no report has told of yet: the next one does. */
  untoldOffer: Buffer | null = null;
  /** The agent was asked for its full state and has sent no message since. */
  fullStateAsked = false;
  /** Unix seconds before which the agent is not asked for its full state: what it would send was refused. */
  askAgainAt = 0;
  /** Unix milliseconds of when it was last made to reconnect (`SocketRecycling`). */
  recycledAt = 0;
  /** Over HTTP: the next answer asks for the list of components. */
  componentsWanted = false;
  /** Over HTTP: a restart waits for the next poll. */
  restartWaits = false;
  /** Over HTTP, Unix milliseconds: until then another client may have spoken for it, and it is offered nothing. */
  doubtedUntil = 0;

  /** Reports in the outbox. While there are any, Presence must not hear how far the agent has come. */
  pendingReports = 0;
  /** Changed since the last checkpoint. */
  dirty = false;
  /** Checkpoints since the one that had its record with it. */
  marksSinceRecord = 0;
  /** Messages that wait for their turn while an earlier one waits for something; null: none waits. */
  inbox: AgentMessage[] | null = null;

  constructor(uid: Uint8Array) {
    this.record = new SessionRecord(uid);
  }

  /** 16 bytes, to be used at once. */
  get uid(): Buffer {
    return this.record.uid;
  }

  get desired(): DesiredConfig | null {
    return this.#desired;
  }

  /** What was offered before something else was desired counts no more when it is desired again. */
  set desired(config: DesiredConfig | null) {
    const before = this.#desired;
    if (before !== null && config !== null && !before.hash.equals(config.hash)) this.record.forgetOffered();
    this.#desired = config;
  }

  get owner(): Owner {
    return ownerOf(this.enrollmentTokenId, this.certificate);
  }

  /**
   * A message of the agent was refused for what is in it: it is asked for its full state after `seconds`, not
   * before, since it would send the same.
   */
  refused(seconds: number): void {
    this.askAgainAt = Math.ceil(Date.now() / 1_000) + seconds;
    this.record.fullStateOwed = true;
  }

  /** Made when needed: most messages need none. */
  get agent(): AgentId {
    return agentIdFromBytes(this.uid);
  }

  /**
   * Where the session stands, for `Presence`: one of which nothing is known must not hide what others noted, and
   * what Presence has already is left out.
   */
  mark(): Mark {
    return {
      agent: this.agent,
      epoch: this.epoch,
      sequenceNum: this.known ? this.sequenceNum : null,
      lastSeen: this.lastSeen,
      capabilities: this.known ? this.capabilities : 0,
      fingerprints: this.known && this.record.unsaved ? this.record.bytes : null,
    };
  }

  /** Goes on where the same agent was under its former uid on this gateway. */
  continue(former: Session): void {
    this.known = former.known;
    this.sequenceNum = former.sequenceNum;
    this.capabilities = former.capabilities;
    this.record.load(former.record.bytes);
    this.record.unsaved = true;
    this.#desired = former.desired;
    this.offeredAt = former.offeredAt;
    this.offersAgain = former.offersAgain;
    this.askAgainAt = former.askAgainAt;
    this.fullStateAsked = former.fullStateAsked;
    this.restartWaits = former.restartWaits;
    this.untoldOffer = former.untoldOffer;
  }

  /** A report of this agent, as it is now, that says nothing yet but what it was offered. */
  report(receivedAt: number): Report {
    const offeredConfigHash = this.untoldOffer ?? nothing;
    this.untoldOffer = null;
    return {
      instanceUid: Uint8Array.from(this.uid),
      epoch: this.epoch,
      sequenceNum: this.sequenceNum,
      receivedAt,
      agentToServer: nothing,
      connected: false,
      disconnected: false,
      transport: this.transport,
      remoteAddress: this.remoteAddress,
      enrollmentTokenId: this.enrollmentTokenId,
      offeredConfigHash,
      offerError: '',
      formerInstanceUid: this.former === null ? nothing : agentIdToBytes(this.former),
      componentsContent: nothing,
      ...(this.certificate !== null && { certificateIdentity: Buffer.from(this.certificate, 'hex') }),
    };
  }
}

const nothing = new Uint8Array(0);

let opened = 0;

/** A WebSocket or an HTTP exchange that was let in, with the agents that speak through it. */
export class Connection {
  readonly link: AgentLink;
  readonly token: AcceptedToken;
  /** The only agent that may speak through it, by its certificate; null: any. */
  readonly onlyUid: Uint8Array | null;
  /** Identity of the certificate that its agents belong to; null: they belong to the token. */
  readonly certificate: string | null;
  /** Tells connections of this process apart. */
  readonly id = ++opened;
  malformedInARow = 0;
  /** Messages that wait for their turn behind a large one. */
  queued = 0;
  /** The WebSocket is gone: what it still brought is not answered, and enters nobody anew. */
  lost = false;
  #proof: ProofOfLife | null = null;
  /** Uids (latin1) whose speaker here was given another: it may still have messages under way. */
  #renamed: Set<string> | null = null;
  /** Most connections carry one agent, so a second one is what costs. */
  #first: Session | null = null;
  #others: Set<Session> | null = null;

  constructor(link: AgentLink, token: AcceptedToken, certificate: CertificateIdentity | null = null) {
    this.link = link;
    this.token = token;
    this.onlyUid = certificate?.instanceUid ?? null;
    // One that names no agent is shared, and says less than the token that comes with it.
    const counts = this.onlyUid !== null || token.enrollmentTokenId === '';
    this.certificate = counts ? (certificate?.identity ?? null) : null;
  }

  get owner(): Owner {
    return ownerOf(this.token.enrollmentTokenId, this.certificate);
  }

  /** By what right it speaks for agents. `mayTakeOver`: an operator allowed that for its token. */
  claimant(mayTakeOver: boolean): Claimant {
    const { remoteAddress } = this.link;
    return { owner: this.owner, remoteAddress, mayTakeOver, isNamed: this.onlyUid !== null };
  }

  /** Does the agent, as it is known here, belong to what let this connection in? */
  owns(session: Session): boolean {
    return (
      this.certificate === session.certificate &&
      (this.certificate !== null || this.token.enrollmentTokenId === session.enrollmentTokenId)
    );
  }

  /** The connection's only agent, or null when there is none or more than one. */
  get onlySession(): Session | null {
    return this.#others?.size ? null : this.#first;
  }

  /** How many agents speak through it. */
  get agents(): number {
    return (this.#first ? 1 : 0) + (this.#others?.size ?? 0);
  }

  /** The session of this uid, if it is the connection's first: the short way for most messages. */
  firstIs(uid: Uint8Array): Session | null {
    return this.#first?.record.isOf(uid) ? this.#first : null;
  }

  /** Does the client of this WebSocket live? Asked once for all who want to know at the same time. */
  provesAlive(): Promise<boolean> {
    if (this.lost) return Promise.resolve(false);
    this.#proof ??= new ProofOfLife(() => this.link.ping());
    const { outcome } = this.#proof;
    void outcome.then(() => {
      this.#proof = null;
    });
    return outcome;
  }

  /** A pong came. */
  ponged(): void {
    this.#proof?.ponged();
  }

  /** The socket is closed. */
  close(): void {
    this.lost = true;
    this.#proof?.closed();
  }

  /** Who speaks here under `uid` was given another. */
  rename(uid: Uint8Array): void {
    (this.#renamed ??= new Set()).add(uidKey(uid));
  }

  wasRenamed(uid: Uint8Array): boolean {
    return this.#renamed !== null && this.#renamed.has(uidKey(uid));
  }

  attach(session: Session): void {
    if (this.#first === null) this.#first = session;
    else if (this.#first !== session) (this.#others ??= new Set()).add(session);
  }

  /** True when nobody is left. */
  detach(session: Session): boolean {
    if (this.#first === session) this.#first = null;
    else this.#others?.delete(session);
    return this.#first === null && !this.#others?.size;
  }

  sessions(): Session[] {
    return [...(this.#first ? [this.#first] : []), ...(this.#others ?? [])];
  }
}

function ownerOf(enrollmentTokenId: string, certificate: string | null): Owner {
  return certificate === null ? `token/${enrollmentTokenId}` : `certificate/${certificate}`;
}

/** A uid as the key of a Map: cheaper than hex. */
export function uidKey(uid: Uint8Array): string {
  return Buffer.from(uid.buffer, uid.byteOffset, uid.length).toString('latin1');
}
