import { smallBodyBytes } from './memory-budget.ts';
import type { AgentMessage } from './session.ts';

/** A newcomer's messages wait until its predecessor has shown whether it lives: never longer. */
const whileMs = 5_000;

/**
 * Bytes of WebSocket messages that wait, in memory of their own, for a claim or for others of their agent. Beyond
 * the limit large ones are not kept; small ones, which is what agents mostly send, to twice the limit. Bodies of
 * HTTP requests have a budget of their own.
 */
export class HeldMessages {
  readonly #limit: number;
  #bytes = 0;

  /** `limit`: bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hasRoom(message: AgentMessage): boolean {
    return this.hasRoomFor(bytesOf(message));
  }

  hasRoomFor(bytes: number): boolean {
    return bytes === 0 || this.#bytes + bytes <= this.#limit * (bytes > smallBodyBytes ? 1 : 2);
  }

  /** Counts bytes, or less bytes, that are held elsewhere. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  take(message: AgentMessage): AgentMessage {
    this.#bytes += bytesOf(message);
    return message;
  }

  give(message: AgentMessage): void {
    this.#bytes -= bytesOf(message);
  }

  /** Counts a message of which it is not told how long it waits. */
  takeForAWhile(message: AgentMessage): void {
    const bytes = bytesOf(message);
    if (bytes === 0) return;
    this.#bytes += bytes;
    setTimeout(() => (this.#bytes -= bytes), whileMs).unref();
  }
}

function bytesOf({ connection, scan }: AgentMessage): number {
  return connection.link.transport === 'http' ? 0 : scan.bytes.length;
}
