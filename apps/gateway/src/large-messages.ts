import type { HeldMessages } from './held-messages.ts';
import type { Connection } from './session.ts';

interface Waiting {
  connection: Connection;
  bytes: Uint8Array;
  held: number;
}

interface Takers {
  /** Handles a message in memory of its own. */
  read: (connection: Connection, bytes: Uint8Array) => void;
  /** Answers a WebSocket message for which there is no room. */
  sendAway: (connection: Connection, bytes: Uint8Array) => void;
}

/**
 * Large messages, and what comes after one on the same connection, each in a turn of the event loop of its own: those
 * of many senders may be complete at once, and nobody else should wait for all of them.
 */
export class LargeMessages {
  readonly #held: HeldMessages;
  readonly #to: Takers;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(held: HeldMessages, to: Takers) {
    this.#held = held;
    this.#to = to;
  }

  /** `bytes` are copied, unless the connection is an HTTP exchange. */
  put(connection: Connection, bytes: Uint8Array): void {
    const isHttp = connection.link.transport === 'http';
    const held = isHttp ? 0 : bytes.length;
    if (!this.#held.hasRoomFor(held)) return this.#to.sendAway(connection, bytes);
    this.#held.add(held);
    connection.queued += 1;
    this.#waiting.push({ connection, bytes: isHttp ? bytes : Buffer.from(bytes), held });
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    const next = this.#waiting.shift()!;
    const { connection, bytes, held } = next;
    connection.queued -= 1;
    this.#isRunning = this.#waiting.length > 0;
    // Agents that say little are heard in between.
    if (this.#isRunning) setImmediate(() => this.#next());
    try {
      if (!connection.lost) this.#to.read(connection, bytes);
    } finally {
      this.#held.add(-held);
    }
  }
}
