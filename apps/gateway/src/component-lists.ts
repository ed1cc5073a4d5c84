import { hash as hashOf } from 'node:crypto';
import type { Presence } from '@muster/agents/presence';
import { agentCapability, hasCapability } from '@muster/opamp/capabilities';
import { serverFlag } from '@muster/opamp/opamp';
import { answer } from '@muster/opamp/server-to-agent';
import type { StatePart } from './fingerprints.ts';
import type { ReportOutbox } from './report-outbox.ts';
import { serverCapabilities } from './server-capabilities.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** An agent that was asked and has not answered by then does not keep others from being asked. */
const answersWithinMs = 30_000;
const lookEveryMs = 2_000;
const listsKnown = 10_000;
/** Then Presence is asked again: lists that nobody has are freed some time. */
const listsKnownMs = 12 * 60 * 60 * 1_000;
/** Tag of AgentToServer.available_components, and of the hash in it. */
const listTag = 0x72;
const hashTag = 0x12;

/** An agent that named a list by its hash and is not known to have it yet. */
interface Waiting {
  session: Session;
  part: StatePart;
}

/**
 * Lists of available components, which agents name by a hash (spec "AvailableComponents"): one agent of the
 * whole fleet is asked for each, and the others are reported to have the same.
 */
export class ComponentLists {
  readonly #presence: Presence;
  readonly #sessions: Sessions;
  readonly #outbox: ReportOutbox;
  /** Agents' own hash (hex) → SHA-256 of the list as it is stored, known until then (Unix milliseconds). */
  readonly #contents = new Map<string, { content: Buffer; until: number }>();
  readonly #waiting = new Map<string, Map<Session, Waiting>>();
  readonly #timer: NodeJS.Timeout;

  constructor(presence: Presence, sessions: Sessions, outbox: ReportOutbox) {
    this.#presence = presence;
    this.#sessions = sessions;
    this.#outbox = outbox;
    this.#timer = setInterval(() => void this.#lookAgain(), lookEveryMs);
    this.#timer.unref();
  }

  /** The agent reported the whole list `body` under its hash. */
  reported(ownHash: Uint8Array, body: Uint8Array): void {
    const key = hex(ownHash);
    if (key === '' || this.#known(key) !== null) return;
    const content = hashOf('sha256', body, 'buffer');
    // Without Presence other gateways ask once more.
    this.#presence.keepComponents(key, content.toString('hex')).catch(() => {});
    this.#settle(key, content);
  }

  /** The agent named a list by its hash alone. True, or a promise of it: it is to be asked for the list. */
  named(session: Session, named: StatePart): boolean | Promise<boolean> {
    const part = { ...named, ownHash: Buffer.from(named.ownHash) };
    const key = hex(part.ownHash);
    const content = this.#known(key);
    if (content) {
      this.#tell({ session, part }, content);
      return false;
    }
    const waiting = this.#waiting.get(key);
    if (waiting) {
      waiting.set(session, { session, part });
      return false;
    }
    this.#waiting.set(key, new Map([[session, { session, part }]]));
    return canReport(session) && this.#ask(key);
  }

  #known(key: string): Buffer | null {
    const known = this.#contents.get(key);
    return known && known.until > Date.now() ? known.content : null;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** True: somebody is to be asked now. */
  async #ask(key: string): Promise<boolean> {
    try {
      const known = await this.#presence.findComponents(key, answersWithinMs);
      if (known.content !== null) this.#settle(key, Buffer.from(known.content, 'hex'));
      return known.ask;
    } catch {
      return false;
    }
  }

  #settle(key: string, content: Buffer): void {
    this.#contents.delete(key);
    this.#contents.set(key, { content, until: Date.now() + listsKnownMs });
    if (this.#contents.size > listsKnown) this.#contents.delete(this.#contents.keys().next().value!);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const agent of waiting?.values() ?? []) this.#tell(agent, content);
  }

  /** Reports that the agent has the list that another one reported, unless it was quicker itself. */
  #tell({ session, part }: Waiting, content: Buffer): void {
    const { record } = session;
    if (record.hasFingerprint(part.slot, part.fingerprint)) return;
    record.setFingerprint(part.slot, part.fingerprint);
    const named = Buffer.concat([Buffer.of(hashTag, part.ownHash.length), part.ownHash]);
    this.#outbox.add(session, {
      ...session.report(Date.now()),
      agentToServer: Buffer.concat([Buffer.of(listTag, named.length), named]),
      componentsContent: content,
    });
  }

  async #lookAgain(): Promise<void> {
    for (const [key, waiting] of this.#waiting) {
      for (const session of waiting.keys()) {
        if (this.#sessions.find(session.uid) !== session) waiting.delete(session);
      }
      if (waiting.size === 0) this.#waiting.delete(key);
      else if (await this.#ask(key)) this.#askOneOf(waiting);
    }
  }

  #askOneOf(waiting: ReadonlyMap<Session, Waiting>): void {
    const able = [...waiting.keys()].filter(canReport);
    const session = able[Math.floor(Math.random() * able.length)];
    if (!session) return;
    const flag = serverFlag.reportAvailableComponents;
    if (session.socket) session.socket.link.send(answer(session.uid, serverCapabilities, flag));
    else session.componentsWanted = true;
  }
}

function canReport({ capabilities }: Session): boolean {
  return hasCapability(capabilities, agentCapability.ReportsAvailableComponents);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
