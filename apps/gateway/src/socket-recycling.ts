import { closeReasons } from './agent-link.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { offerIsOpen } from './offers.ts';
import type { Connection } from './session.ts';

/** Clients write in pieces of 4 KiB, and µWebSockets keeps the memory in which it joined them. */
export const joinedFromBytes = 4_096;

/** An agent reconnects for this at most so often. */
const againAfterMs = 10 * 60_000;
const tickMs = 1_000;
const atLeastPerTick = 100;
/** Ticks over which a large backlog is spread. */
const spreadOverTicks = 30;
/** Once begun, it goes on until connections keep only this share of `fromBytes`. */
const endShare = 1 / 16;

interface Bloated {
  bytes: number;
  since: number;
}

/**
 * Closes connections that hold the memory of a large message, each once it is quiet and a few at a time:
 * µWebSockets keeps a socket's buffer at the size of the largest message for the socket's life, which with
 * full states of 32 KiB is most of a gateway's memory. The agent is back at once and goes on where it was.
 */
export class SocketRecycling {
  readonly #bloated = new Map<Connection, Bloated>();
  readonly #fromBytes: number;
  readonly #afterMs: number;
  readonly #metrics: GatewayMetrics;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #begun = false;

  /** Starts when connections keep `fromBytes` together (0: never); each is left alone for `afterMs` after a large message. */
  constructor(fromBytes: number, afterMs: number, metrics: GatewayMetrics) {
    this.#metrics = metrics;
    this.#fromBytes = fromBytes || Infinity;
    this.#afterMs = afterMs;
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A message of so many bytes came in, more than `joinedFromBytes`. */
  note(connection: Connection, bytes: number): void {
    const before = this.#bloated.get(connection)?.bytes ?? 0;
    // Entries are in the order of their last large message.
    this.#bloated.delete(connection);
    this.#bloated.set(connection, { bytes: Math.max(before, bytes), since: Date.now() });
    this.#bytes += Math.max(before, bytes) - before;
  }

  /** The connection is gone, and its memory with it. */
  forget(connection: Connection): void {
    this.#bytes -= this.#bloated.get(connection)?.bytes ?? 0;
    this.#bloated.delete(connection);
  }

  #tick(): void {
    this.#begun = this.#bytes >= this.#fromBytes * (this.#begun ? endShare : 1);
    if (!this.#begun) return;
    const now = Date.now();
    let left = Math.max(atLeastPerTick, this.#bloated.size / spreadOverTicks);
    for (const [connection, { since }] of this.#bloated) {
      if (left <= 0 || now - since < this.#afterMs) return;
      if (!mayReconnect(connection, now)) continue;
      left -= 1;
      this.#metrics.recycled += 1;
      connection.onlySession!.recycledAt = now;
      connection.link.close(closeReasons.recycled);
    }
  }
}

/** Not in the middle of something, and not where many agents would have to come back. */
function mayReconnect({ onlySession }: Connection, now: number): boolean {
  if (onlySession === null || now - onlySession.recycledAt < againAfterMs) return false;
  return onlySession.inbox === null && onlySession.pendingReports === 0 && !offerIsOpen(onlySession);
}
