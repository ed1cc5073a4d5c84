import { part } from './agent-table.ts';
import type { DialGate } from './dial-gate.ts';
import type { Fleet } from './fleet.ts';
import type { Line } from './line.ts';
import type { Random } from './random.ts';
import { ReconnectBackoff } from './reconnect-backoff.ts';
import type { Tally } from './tally.ts';
import {
  WebSocketConnection,
  type ConnectionListener,
  type Ending,
  type Target,
} from './websocket-connection.ts';

/** What the lines of a simulator share. */
export interface LineParts {
  fleet: Fleet;
  tally: Tally;
  gate: DialGate;
  random: Random;
}

const uidAt = 3;
const tooMany = 429;
const unavailable = 503;
/** How long a server may take to answer a Close frame. */
const goodbyeMs = 2_000;

/** Agents on one WebSocket, which comes back when it breaks. */
export class WebSocketLine implements Line, ConnectionListener {
  readonly #parts: LineParts;
  readonly #agents: readonly number[];
  readonly #target: (attempt: number) => Target;
  #attempt: number;
  #connection: WebSocketConnection | null = null;
  #isOpen = false;
  /** Among those who may dial now. */
  #atGate = false;
  /** Stands in the queue before the gate. */
  #queued = false;
  /** Is to be connected; false after a cut, until it is time to come back. */
  #wanted = false;
  #openedAt = 0;
  #dialedAt = 0;
  /** How many of the agents have sent their first message on this connection. */
  #greeted = 0;
  #backoff = new ReconnectBackoff();
  #retry: NodeJS.Timeout | null = null;
  #stopped: (() => void) | null = null;

  /** `target` is where to connect at the nth attempt, counted from `firstAttempt`. */
  constructor(
    parts: LineParts,
    agents: readonly number[],
    target: (attempt: number) => Target,
    firstAttempt: number,
  ) {
    this.#parts = parts;
    this.#agents = agents;
    this.#target = target;
    this.#attempt = firstAttempt;
  }

  start(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    if (this.#queued || this.#connection) return;
    this.#queued = true;
    this.#parts.gate.enter(() => {
      this.#queued = false;
      if (this.#stopped || !this.#wanted) return this.#parts.gate.leave();
      this.#atGate = true;
      this.#dialedAt = performance.now();
      this.#connection = new WebSocketConnection(this.#target(this.#attempt), this, this.#parts.random);
    });
  }

  speak(agent: number): void {
    // one that has not greeted yet says it then
    if (this.#isOpen && (this.#agents.length === 1 || this.#hasGreeted(agent))) this.#send(agent);
  }

  beat(agent: number): void {
    const { table } = this.#parts.fleet;
    if (!this.#isOpen || table.online[agent] === 0 || table.gone[agent] === 1) return;
    this.#parts.tally.heartbeats += 1;
    if (table.sentAt[agent] === 0) table.sentAt[agent] = performance.now();
    this.#send(agent);
  }

  cut(returnAfterMs: number | null): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#wanted = false;
    this.#connection?.cut();
    this.#connectionGone();
    this.#backoff = new ReconnectBackoff();
    if (returnAfterMs !== null) this.#startIn(returnAfterMs);
  }

  async stop(goodbye: boolean): Promise<void> {
    if (this.#retry) clearTimeout(this.#retry);
    const ended = new Promise<void>((resolve) => (this.#stopped = resolve));
    const ignored = setTimeout(() => this.#stopped?.(), goodbyeMs);
    if (!this.#isOpen || !goodbye) {
      clearTimeout(ignored);
      this.#connection?.cut();
      this.#connectionGone();
      return;
    }
    const { table } = this.#parts.fleet;
    for (const agent of this.#agents) {
      if (table.gone[agent] === 1) continue;
      table.pending[agent]! |= part.disconnect;
      this.#send(agent);
    }
    this.#connection!.close();
    await ended;
    clearTimeout(ignored);
    this.#connection?.cut();
  }

  opened(): void {
    const { tally } = this.#parts;
    this.#isOpen = true;
    this.#openedAt = performance.now();
    this.#backoff = new ReconnectBackoff();
    tally.connected += 1;
    tally.connectMs.record(this.#openedAt - this.#dialedAt);
    this.#greeted = 0;
    this.#greet();
  }

  drained(): void {
    if (this.#isOpen) this.#greet();
  }

  message(bytes: Buffer): void {
    const { fleet, tally } = this.#parts;
    const agent = this.#addressee(bytes);
    if (agent < 0) return tally.error('an answer for nobody here');
    if (fleet.cameOnline(agent)) {
      tally.firstAnswerMs.record(performance.now() - this.#openedAt);
      this.#leaveGate();
    }
    fleet.hear(agent, bytes, 1, this);
  }

  ended({ reason, status, retryAfterSeconds }: Ending): void {
    const { tally, random } = this.#parts;
    const wasOpen = this.#isOpen;
    this.#connectionGone();
    if (this.#stopped) return this.#stopped();
    if (wasOpen) {
      tally.dropped += 1;
      tally.error(reason);
      return this.start(); // the reference client comes back at once
    }
    if (status === unavailable || status === tooMany) tally.askedToRetryAfter(retryAfterSeconds ?? 0);
    else {
      tally.error(reason);
      this.#attempt += 1;
    }
    this.#startIn(this.#backoff.next(random, (retryAfterSeconds ?? 0) * 1_000));
  }

  #startIn(ms: number): void {
    if (ms === 0) return this.start();
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.start();
    }, ms);
  }

  #connectionGone(): void {
    if (this.#isOpen) this.#parts.tally.connected -= 1;
    this.#isOpen = false;
    this.#connection = null;
    this.#greeted = 0;
    for (const agent of this.#agents) this.#parts.fleet.wentOffline(agent);
    this.#leaveGate();
  }

  #leaveGate(): void {
    if (!this.#atGate) return;
    this.#atGate = false;
    this.#parts.gate.leave();
  }

  /** The first message of each agent, as fast as the server takes them. */
  #greet(): void {
    // sending may end the connection
    while (this.#greeted < this.#agents.length && this.#connection?.isFull === false) {
      const agent = this.#agents[this.#greeted++]!;
      if (this.#parts.fleet.table.gone[agent] === 0) this.#send(agent);
    }
  }

  #hasGreeted(agent: number): boolean {
    return this.#greeted > Math.floor((agent - this.#agents[0]!) / (this.#agents[1]! - this.#agents[0]!));
  }

  #send(agent: number): void {
    this.#parts.tally.sent += 1;
    this.#connection!.send(this.#parts.fleet.reports.next(agent));
  }

  #addressee(bytes: Buffer): number {
    const only = this.#agents.length === 1 ? this.#agents[0]! : -1;
    const isAddressed = bytes.length >= uidAt + 16 && bytes[0] === 0 && bytes[1] === 0x0a && bytes[2] === 16;
    if (!isAddressed) return only;
    const { table } = this.#parts.fleet;
    if (only >= 0) return table.has(only, bytes, uidAt) ? only : -1;
    return table.find(bytes, uidAt);
  }
}
