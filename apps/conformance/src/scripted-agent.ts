import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentToServerFields, ServerToAgentMessage } from '@muster/opamp/opamp';
import type { Link, Received } from './link.ts';
import { encode, fullState, usualCapabilities } from './messages.ts';
import { NotMet } from './outcome.ts';

const lookEveryMs = 2;
const pollEveryMs = 250;

export interface AgentOptions {
  /** Random when left out. */
  uid?: Uint8Array;
  capabilities?: number;
  /** Tells the agent apart for an operator; the uid as hex when left out. */
  key?: string;
}

/** An agent that says what a row tells it to, and nothing by itself. */
export class ScriptedAgent {
  uid: Uint8Array;
  capabilities: number;
  readonly key: string;
  /** The number of the last message sent. */
  sequenceNum = -1;
  link: Link;
  /** Where in the link's messages this agent began to listen. */
  #from: number;

  constructor(link: Link, options: AgentOptions = {}) {
    this.link = link;
    this.#from = link.received.length;
    this.uid = options.uid ?? randomBytes(16);
    this.capabilities = options.capabilities ?? usualCapabilities;
    this.key = options.key ?? Buffer.from(this.uid).toString('hex');
  }

  /** All that came for this agent on its present link. */
  get received(): Received[] {
    return this.link.received
      .slice(this.#from)
      .filter(({ message }) => sameBytes(message.instanceUid, this.uid));
  }

  /** The uid as people write it. */
  get uuid(): string {
    return uuidOf(this.uid);
  }

  /** The sub-messages of its full state. */
  get fullState(): AgentToServerFields {
    return fullState(this.key);
  }

  /** The next message, encoded: uid, number and capabilities, unless `fields` say otherwise. */
  next(fields: AgentToServerFields = {}): Uint8Array {
    return encode({
      instanceUid: this.uid,
      sequenceNum: ++this.sequenceNum,
      capabilities: this.capabilities,
      ...fields,
    });
  }

  /** Leaves numbers out, as if messages had been lost. */
  skip(count: number): void {
    this.sequenceNum += count;
  }

  /** Sends the next message and answers what came for this agent after it. */
  async exchange(fields: AgentToServerFields = {}): Promise<ServerToAgentMessage> {
    return (await this.exchangeRaw(this.next(fields))).message;
  }

  async exchangeRaw(agentToServer: Uint8Array): Promise<Received> {
    const before = this.received.length;
    await this.link.send(agentToServer);
    await this.until(() => this.received.length > before, 'a message was not answered');
    return this.received[before]!;
  }

  /** Sends bytes that may name nobody: whatever comes next on the link answers them. */
  async exchangeMalformed(bytes: Uint8Array): Promise<Received> {
    const before = this.link.received.length;
    await this.link.send(bytes);
    await this.until(() => this.link.received.length > before, 'a malformed message was not answered');
    return this.link.received[before]!;
  }

  /** Reports its full state. */
  report(): Promise<ServerToAgentMessage> {
    return this.exchange(this.fullState);
  }

  heartbeat(): Promise<ServerToAgentMessage> {
    return this.exchange();
  }

  /** Sends several messages without waiting between them (over HTTP: one after the other). */
  async burst(messages: readonly Uint8Array[]): Promise<void> {
    for (const message of messages) await this.link.send(message);
  }

  /** Goes on over another link. */
  moveTo(link: Link): void {
    this.link = link;
    this.#from = link.received.length;
  }

  /**
   * Resolves with the first message for this agent, of those after the first `after`, that `wanted` likes.
   * Over HTTP it polls meanwhile, since nothing else brings one.
   */
  async hear(
    wanted: (message: ServerToAgentMessage) => boolean,
    what: string,
    { withinMs = this.link.patienceMs, after = 0 } = {},
  ): Promise<Received> {
    const find = () => this.received.slice(after).find(({ message }) => wanted(message));
    for (const deadline = Date.now() + withinMs; Date.now() < deadline;) {
      if (find()) break;
      if (this.link.transport === 'http') {
        await this.heartbeat();
        if (!find()) await pause(pollEveryMs);
      } else {
        await pause(lookEveryMs);
        if (this.link.ended()) break;
      }
    }
    const found = find();
    if (!found) throw new NotMet(`${what}${this.#because(withinMs)}`);
    return found;
  }

  /** Listens for a while (over HTTP by polls); answers all that came meanwhile. */
  async listen(forMs: number): Promise<Received[]> {
    const before = this.received.length;
    for (const end = Date.now() + forMs; Date.now() < end;) {
      if (this.link.transport === 'http') await this.heartbeat();
      await pause(Math.min(pollEveryMs, forMs));
    }
    return this.received.slice(before);
  }

  async until(holds: () => boolean, what: string, withinMs = this.link.patienceMs): Promise<void> {
    for (const deadline = Date.now() + withinMs; !holds();) {
      if (Date.now() > deadline || this.link.ended()) throw new NotMet(`${what}${this.#because(withinMs)}`);
      await pause(lookEveryMs);
    }
  }

  #because(withinMs: number): string {
    const ended = this.link.ended();
    return ended ? `: ${ended}` : ` within ${withinMs / 1_000} s`;
  }
}

export function sameBytes(a: Uint8Array | null | undefined, b: Uint8Array): boolean {
  return Buffer.from(a ?? []).equals(b);
}

export function uuidOf(uid: Uint8Array): string {
  const hex = Buffer.from(uid).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
