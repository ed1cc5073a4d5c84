import { setTimeout as pause } from 'node:timers/promises';
import { BusUnavailable } from '@muster/messages/errors';
import type { EventBus } from '@muster/messages/event-bus';
import type { Report } from '@muster/messages/report-frame';
import type { Log } from '@muster/platform/log';
import type { GatewayMetrics } from './gateway-metrics.ts';
import type { Session } from './session.ts';

export interface ReportOutboxOptions {
  gateway: string;
  bus: EventBus;
  metrics: GatewayMetrics;
  log: Log;
  /** Bytes that may wait while the bus takes nothing. */
  maxBytes: number;
  /** These sessions have nothing in the outbox any more. */
  onPublished: (sessions: Session[]) => void;
  /** What this agent reported had to be dropped. */
  onDropped: (session: Session) => void;
}

const collectForMs = 20;
const frameBytes = 64 * 1024;
/** While a publish is under way more comes together; bus messages have a limit. */
const largestFrameBytes = 512 * 1024;
const largestFrameReports = 1_000;
/** Frames that are on their way at once: inventory writes more agents with one statement for it. */
const framesAtOnce = 4;
const firstRetryMs = 250;
const longestRetryMs = 1_000;
/** A report's size beside what the agent said. */
const envelopeBytes = 150;

interface Entry {
  session: Session;
  report: Report;
  bytes: number;
}

/**
 * Reports on their way to the bus, in the order they came: many in one frame, few frames at a time.
 * What the bus cannot take now is kept up to a bound and tried again.
 */
export class ReportOutbox {
  readonly #options: ReportOutboxOptions;
  #entries: Entry[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #publishing: Promise<void> | null = null;
  #failing = false;
  #closed = false;

  constructor(options: ReportOutboxOptions) {
    this.#options = options;
  }

  /** True while the bus takes what it is given, and there is room for more. */
  get healthy(): boolean {
    return !this.#failing && this.#bytes <= this.#options.maxBytes / 2;
  }

  /** Takes a report. Over the bound, what the agent said is dropped and `onDropped` told; that it came or went is kept. */
  add(session: Session, report: Report): void {
    let entry: Entry = { session, report, bytes: report.agentToServer.length + envelopeBytes };
    if (this.#bytes + entry.bytes > this.#options.maxBytes) {
      this.#options.metrics.reportsDropped += 1;
      this.#options.onDropped(session);
      const { connected, disconnected } = report;
      if ((!connected && !disconnected) || this.#bytes > this.#options.maxBytes * 1.25) return;
      entry = { session, report: { ...report, agentToServer: new Uint8Array(0) }, bytes: envelopeBytes };
    }
    session.pendingReports += 1;
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.#schedule();
  }

  /** Publishes what is there; resolves when nothing is left. For the end: does not try for more than `forMs`. */
  async close(forMs: number): Promise<void> {
    const late = pause(forMs, 'late' as const, { ref: false });
    while (this.#entries.length > 0) {
      this.#publish();
      if ((await Promise.race([this.#publishing, late])) === 'late') break;
    }
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    const reports = this.#entries.length;
    if (reports > 0)
      this.#options.log.warn({ reports }, 'not all reports were published; agents will be asked again');
  }

  #schedule(): void {
    if (this.#publishing) return;
    if (this.#bytes >= frameBytes) this.#publish();
    else this.#timer ??= setTimeout(() => this.#publish(), collectForMs);
  }

  #publish(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#publishing ??= this.#publishAll().finally(() => {
      this.#publishing = null;
      // A report may have come between the last publish and now.
      if (this.#entries.length > 0 && !this.#closed) this.#schedule();
    });
  }

  async #publishAll(): Promise<void> {
    let retryMs = firstRetryMs;
    while (this.#entries.length > 0 && !this.#closed) {
      const frames = this.#nextFrames();
      const outcomes = await Promise.all(frames.map((frame) => this.#publishFrame(frame)));
      const firstFailure = outcomes.indexOf('unavailable');
      // What follows a frame that failed is published again with it: readers take reports in any number.
      const taken = firstFailure === -1 ? frames : frames.slice(0, firstFailure);
      if (taken.length > 0) this.#settle(taken.flat());
      this.#failing = firstFailure !== -1;
      if (!this.#failing) {
        retryMs = firstRetryMs;
        continue;
      }
      await pause(retryMs, undefined, { ref: false });
      retryMs = Math.min(retryMs * 2, longestRetryMs);
    }
  }

  /** The oldest reports, cut into frames. */
  #nextFrames(): Entry[][] {
    const frames: Entry[][] = [];
    for (let start = 0; start < this.#entries.length && frames.length < framesAtOnce;) {
      const frame = this.#frameFrom(start);
      frames.push(frame);
      start += frame.length;
    }
    return frames;
  }

  #frameFrom(start: number): Entry[] {
    let bytes = 0;
    let end = start;
    for (; end < this.#entries.length && end - start < largestFrameReports; end++) {
      bytes += this.#entries[end]!.bytes;
      if (end > start && bytes > largestFrameBytes) break;
    }
    return this.#entries.slice(start, end);
  }

  async #publishFrame(frame: Entry[]): Promise<'published' | 'unavailable' | 'refused'> {
    const { bus, gateway, metrics, log } = this.#options;
    try {
      await bus.publish('reports', { gateway, reports: frame.map(({ report }) => report) });
      metrics.frames += 1;
      metrics.reports += frame.length;
      return 'published';
    } catch (error) {
      if (error instanceof BusUnavailable) return 'unavailable';
      if (frame.length > 1) return this.#publishEach(frame);
      // Trying again would not help, and asking the agent again would bring the same report.
      metrics.reportsDropped += 1;
      frame[0]!.session.record.forgetFingerprints();
      log.error({ err: error, agent: frame[0]!.session.agent }, 'the bus refused a report');
      return 'refused';
    }
  }

  /** One report that the bus refuses must not take the others with it. */
  async #publishEach(frame: Entry[]): Promise<'published' | 'unavailable'> {
    for (const entry of frame) {
      if ((await this.#publishFrame([entry])) === 'unavailable') return 'unavailable';
    }
    return 'published';
  }

  #settle(frame: Entry[]): void {
    this.#entries.splice(0, frame.length);
    const idle: Session[] = [];
    for (const { session, bytes } of frame) {
      this.#bytes -= bytes;
      session.pendingReports -= 1;
      if (session.pendingReports === 0) idle.push(session);
    }
    if (idle.length > 0) this.#options.onPublished(idle);
  }
}
