import type { Log } from '@muster/platform/log';
import { closeReasons, type CloseReason } from './agent-link.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';

/** A WebSocket, as the watch sees it. */
export interface Watched {
  /** Ticks of the watch: the last whole message or pong, and the last whole message. */
  heardAt: number;
  readonly messageAt: number;
  /** Tick of its handshake. */
  readonly openedAt: number;
  /** Bytes that the client has not read. */
  readonly behind: number;
  /** Asks the client for a pong. */
  ping(): void;
  /** Ends the connection with a Close frame. */
  close(reason: CloseReason): void;
  /** Ends the connection without one, and gives back what it holds in memory. */
  cut(): void;
}

export interface WebSocketWatchOptions {
  /** Milliseconds after which a WebSocket that completed neither a message nor a pong is closed. */
  idleMs: number;
  /** Bytes by which memory outside of JavaScript may grow before those that stall in a message are cut. */
  unfinishedBytes: number;
  /**
   * Other parts of Muster are in this process, and their memory is no message of a WebSocket: clients that answer
   * pings are never cut for it, and those that do not are waited for. Default false.
   */
  sharesProcess?: boolean;
  metrics: GatewayMetrics;
  log: Log;
  /** Bytes this process holds outside of JavaScript: messages under way are there. */
  nativeMemory?: () => number;
}

const tickMs = 250;
/** What is heard after all were asked for a pong has this much more of a tick. */
const afterAsking = 1 / 64;
/** A fast sender fills a hundred megabytes in a tick, so memory is looked at more often. */
const lookEveryMs = 50;
/** At so many times `unfinishedBytes` connections are cut at once, without waiting for late answers. */
const atOnceFrom = 1.5;
/** And at so many times almost without waiting. */
const urgentFrom = 2;
const answersIfUrgentMs = 20;
/** Milliseconds a client that was asked for a pong then has for it. */
const answersAtOnceMs = 100;
/**
 * When all of them answer, in between the pieces of what they send: connections cut in one go, the youngest first, and
 * four times as many each time that this was not enough.
 */
const leastCutAtOnce = 64;
const moreEachTime = 4;
const sparedTimes = 2;
/** Memory that grew by so many bytes since the last look is looked at again in the next turn of the event loop. */
const growsFast = 4 * 1024 * 1024;
/**
 * µWebSockets reads on while a sender is faster than it: in one turn of the event loop, all that many of them may send.
 * Then memory is looked at between the pieces, if the last look is longer ago than this while memory grows, or else
 * longer than this.
 */
const midTurn = { growingMs: 5, calmMs: lookEveryMs * 1.5 };
/** The share that a look forgets of what bodies of requests took lately: half of it within half a minute. */
const forgottenEachLook = 0.001;
/** Who completed a message within so many ticks is hardly in the middle of another large one. */
const spokeTicks = 1_000 / tickMs;
/** The part of the idle time after which a silent client is asked for a pong. */
const askAfter = 0.75;
/** When memory grew too fast all are asked for a pong, and have this long to complete it or a message. */
const answerTicks = 8;
/** When that found nobody, they are asked again after this long, or sooner when memory grows on. */
const restTicks = 40;
/** Who answers pings but has not completed a message for so long is cut too then. */
const messageTicks = 45 * (1_000 / tickMs);
/** `messageAt` of who has not completed any message yet. */
export const neverSpoke = -1_000_000;
/** The share of a growth that counts as ordinary after a tick: ordinary growth takes a minute. */
const habituation = 1 / 240;
/** After connections were cut nothing counts as ordinary for so long, or a sender that goes on would raise its own limit. */
const alertTicks = 300_000 / tickMs;
/** What a socket takes that has no large message: ordinary memory grows by no more than that with the fleet. */
const ordinarySocketBytes = 16 * 1024;

/**
 * Watches open WebSockets for those that hold memory and give nothing: silent ones, those that do not read,
 * and, when memory grows fast, those that stall in the middle of a message. µWebSockets tells nothing of
 * messages that are not complete, so it is the pong that tells: who is in the middle of a frame cannot send it.
 */
export class WebSocketWatch {
  /** Counts quarters of a second: small numbers, which are cheap to keep with each socket. */
  tick = 0;
  readonly #options: WebSocketWatchOptions;
  readonly #links = new Set<Watched>();
  /** Clients that have not read all they were sent, and when they last read anything (tick). */
  readonly #behind = new Map<Watched, number>();
  readonly #overflowed = new Set<Watched>();
  readonly #timer: NodeJS.Timeout;
  readonly #memoryTimer: NodeJS.Timeout | undefined;
  readonly #idleTicks: number;
  readonly #sweepTicks: number;
  readonly #nativeMemory: () => number;
  #tickedAt = Date.now();
  #ordinaryMemory: number;
  readonly #memoryAtStart: number;
  #cutAt = -alertTicks;
  /** How often connections were cut in a row. */
  #timesCut = 0;
  #lookedAtMemory = 0;
  #lookedAtMs = 0;
  #isGrowing = false;
  /** When clients were asked because memory grew; null: they were not. */
  #askedAt: number | null = null;
  /** The same by the clock. */
  #askedAtMs = 0;
  /** Memory before connections were last cut at once, and the least there was since: it may stay with the process. */
  #memoryBeforeCut = 0;
  #cutAtMemory = 0;
  /** Until when nobody is asked again, unless there is much more than this memory. */
  #rest = { until: 0, memory: 0 };

  constructor(options: WebSocketWatchOptions) {
    this.#options = options;
    this.#idleTicks = Math.max(4, Math.round(options.idleMs / tickMs));
    this.#sweepTicks = Math.max(1, Math.floor(this.#idleTicks / 15));
    this.#nativeMemory = options.nativeMemory ?? nativeMemoryMeter();
    this.#memoryAtStart = this.#nativeMemory();
    this.#ordinaryMemory = this.#memoryAtStart;
    this.#timer = setInterval(() => this.#onTick(), tickMs);
    this.#memoryTimer = options.sharesProcess
      ? undefined
      : setInterval(() => this.#lookAtMemory(), lookEveryMs);
  }

  add(link: Watched): void {
    this.#links.add(link);
  }

  remove(link: Watched): void {
    this.#links.delete(link);
    this.#behind.delete(link);
    this.#overflowed.delete(link);
  }

  /** The client has not read all it was sent. */
  fellBehind(link: Watched): void {
    if (!this.#behind.has(link)) this.#behind.set(link, this.tick);
  }

  /** The client has read something. */
  caughtUp(link: Watched): void {
    if (link.behind === 0) this.#behind.delete(link);
    else if (this.#behind.has(link)) this.#behind.set(link, this.tick);
  }

  /** So much waits for the client that no more is kept for it. It is cut soon, not in the middle of a message. */
  overflowed(link: Watched): void {
    this.#overflowed.add(link);
  }

  /** A client sent a ping or a pong, which may be in the middle of a message. */
  heardBetween(): void {
    if (this.#memoryTimer === undefined) return;
    const sinceMs = performance.now() - this.#lookedAtMs;
    if (sinceMs > (this.#isGrowing ? midTurn.growingMs : midTurn.calmMs)) this.#lookAtMemory();
  }

  end(): void {
    clearInterval(this.#timer);
    clearInterval(this.#memoryTimer);
  }

  #onTick(): void {
    const now = Date.now();
    // A process that was stopped for a while heard nobody, which is nobody's fault.
    if (now - this.#tickedAt > tickMs * this.#sweepTicks + 2_000) this.#forgive();
    this.#tickedAt = now;
    this.tick = Math.floor(this.tick) + 1;
    if (this.tick % this.#sweepTicks === 0) this.#closeSilent();
    this.#cutThoseWhoDoNotRead();
    this.#watchMemory();
  }

  #forgive(): void {
    for (const link of this.#links) link.heardAt = this.tick;
    for (const link of this.#behind.keys()) this.#behind.set(link, this.tick);
    this.#askedAt = null;
  }

  #closeSilent(): void {
    const silentSince = this.tick - this.#idleTicks;
    const askSince = this.tick - Math.floor(this.#idleTicks * askAfter);
    for (const link of this.#links) {
      if (link.heardAt > askSince) continue;
      if (link.heardAt > silentSince) link.ping();
      else {
        this.#options.metrics.connectionsSilent += 1;
        link.close(closeReasons.silent);
      }
    }
  }

  #cutThoseWhoDoNotRead(): void {
    for (const [link, readAt] of this.#behind) {
      if (link.behind === 0) this.#behind.delete(link);
      else if (this.tick - readAt >= this.#idleTicks / 2) this.#overflowed.add(link);
    }
    for (const link of this.#overflowed) {
      this.#options.metrics.connectionsNotReading += 1;
      link.cut();
    }
  }

  #watchMemory(): void {
    const memory = this.#nativeMemory();
    const growth = memory - this.#ordinaryMemory;
    this.#getUsedTo(growth);
    if (this.#askedAt === null) {
      if (growth > this.#options.unfinishedBytes && this.#mayAsk(memory)) this.#askForPongs();
    } else if (this.tick - this.#askedAt >= answerTicks) {
      const found = this.#cutThoseWhoStall(this.#askedAt);
      this.#askedAt = null;
      if (!found) this.#rest = { until: this.tick + restTicks, memory };
    }
  }

  /** Memory that stays counts as ordinary after a while, as far as the fleet explains it. */
  #getUsedTo(growth: number): void {
    if (growth <= 0) this.#ordinaryMemory += growth;
    else if (this.tick - this.#cutAt > alertTicks) {
      const explained = this.#links.size * ordinarySocketBytes + this.#options.unfinishedBytes;
      const most = Math.max(this.#ordinaryMemory, this.#memoryAtStart + explained);
      this.#ordinaryMemory = Math.min(most, this.#ordinaryMemory + growth * habituation);
    }
  }

  /** Freed memory may stay with the process for a while, so not all the time. */
  #mayAsk(memory: number): boolean {
    const { until, memory: known } = this.#rest;
    return this.tick >= until || memory - known > this.#options.unfinishedBytes / 2;
  }

  /** Between the ticks: memory that grows so fast that nobody can be waited for. */
  #lookAtMemory(): void {
    const memory = this.#nativeMemory();
    const growth = memory - this.#ordinaryMemory;
    const { unfinishedBytes } = this.#options;
    this.#lookedAtMs = performance.now();
    this.#isGrowing = growth > unfinishedBytes / 2;
    this.#cutAtMemory = Math.min(this.#cutAtMemory, memory);
    const grewSince = memory - this.#lookedAtMemory;
    this.#lookedAtMemory = memory;
    if (growth > unfinishedBytes / 2 && grewSince > growsFast) setImmediate(() => this.#lookAtMemory());
    if (growth <= unfinishedBytes) return;
    if (this.#askedAt === null && this.#mayAsk(memory)) this.#askForPongs();
    const isGrowing = memory - this.#cutAtMemory > unfinishedBytes / 8;
    if (growth <= unfinishedBytes * atOnceFrom || !isGrowing) return;
    if (this.#askedAt === null) this.#askForPongs();
    const isUrgent = growth > unfinishedBytes * urgentFrom;
    const goesOn = this.tick - this.#cutAt <= spokeTicks;
    const helped = this.#memoryBeforeCut - this.#cutAtMemory >= unfinishedBytes / 2;
    if (isUrgent && goesOn && !helped) this.#cutYoungest(goesOn);
    else {
      if (Date.now() - this.#askedAtMs < (isUrgent ? answersIfUrgentMs : answersAtOnceMs)) return;
      if (!this.#cutThoseWhoStall(this.#askedAt!)) this.#cutYoungest(goesOn);
    }
    this.#askedAt = null;
    this.#memoryBeforeCut = memory;
    this.#cutAtMemory = this.#nativeMemory();
  }

  /**
   * Who answers between the pieces of a message cannot be told from who is quiet; agents come back at once. Who spoke
   * within the last second is spared twice: then it is not enough to cut the others.
   */
  #cutYoungest(goesOn: boolean): void {
    this.#timesCut = goesOn ? this.#timesCut + 1 : 0;
    const all = [...this.#links];
    const silent = all.filter(({ messageAt }) => this.tick - messageAt > spokeTicks);
    const picked = silent.length > 0 && this.#timesCut < sparedTimes ? silent : all;
    this.#shed(picked.slice(-leastCutAtOnce * moreEachTime ** this.#timesCut));
  }

  #shed(links: readonly Watched[]): void {
    if (links.length === 0) return;
    for (const link of links) link.cut();
    this.#cutAt = this.tick;
    this.#options.metrics.connectionsShed += links.length;
    this.#options.log.warn(
      { connections: links.length },
      'memory ran short: connections that stalled were cut',
    );
  }

  #askForPongs(): void {
    // What was heard in this tick before is no answer.
    this.tick += afterAsking;
    this.#askedAt = this.tick;
    this.#askedAtMs = Date.now();
    for (const link of this.#links) link.ping();
  }

  /** False: nobody does. */
  #cutThoseWhoStall(askedAt: number): boolean {
    const stalled = [...this.#links].filter(
      ({ heardAt, messageAt, openedAt }) =>
        heardAt < askedAt ||
        (!this.#options.sharesProcess && this.tick - Math.max(messageAt, openedAt) > messageTicks),
    );
    if (stalled.length > 0) this.#shed(stalled);
    return stalled.length > 0;
  }
}

/**
 * Bytes outside of JavaScript. What bodies of requests took lately does not count either: freed, it stays with the
 * process for a while, and is no message of a WebSocket.
 */
function nativeMemoryMeter(): () => number {
  let lately = 0;
  return () => {
    const { rss, heapTotal, external } = process.memoryUsage();
    lately = Math.max(external, lately - (lately - external) * forgottenEachLook);
    return rss - heapTotal - lately;
  };
}
