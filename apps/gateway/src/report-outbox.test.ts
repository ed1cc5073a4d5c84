import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BusUnavailable } from '@muster/messages/errors';
import type { EventBus } from '@muster/messages/event-bus';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import type { ReportFrame } from '@muster/messages/report-frame';
import { silentLog } from '@muster/platform/log';
import { createGatewayMetrics } from './gateway-metrics.ts';
import { ReportOutbox } from './report-outbox.ts';
import { Session } from './session.ts';

let bus: EventBus;
let frames: ReportFrame[];
/** What the bus does with each publish before it takes it. */
let beforeTaking: (frame: ReportFrame) => Promise<void>;
let published: Session[];
let dropped: Session[];
const metrics = createGatewayMetrics();
const session = new Session(Buffer.alloc(16, 1));

beforeEach(() => {
  bus = createMemoryEventBus();
  frames = [];
  beforeTaking = async () => {};
  published = [];
  dropped = [];
  bus.publish = async (_, fact) => {
    await beforeTaking(fact as ReportFrame);
    frames.push(fact as ReportFrame);
  };
});

afterEach(() => bus.close());

function outbox(maxBytes = 10_000_000): ReportOutbox {
  return new ReportOutbox({
    gateway: 'g',
    bus,
    metrics,
    log: silentLog,
    maxBytes,
    onPublished: (sessions) => published.push(...sessions),
    onDropped: (lost) => dropped.push(lost),
  });
}

function say(box: ReportOutbox, bytes: number, fields = {}): void {
  box.add(session, { ...session.report(0), agentToServer: Buffer.alloc(bytes), ...fields });
}

const sizes = () => frames.map(({ reports }) => reports.length);

describe('ReportOutbox', () => {
  it('publishes what comes within 20 ms together', async () => {
    const box = outbox();
    for (let i = 0; i < 10; i++) say(box, 100);
    await box.close(1_000);
    expect(sizes()).toEqual([10]);
    expect([published, session.pendingReports]).toEqual([[session], 0]);
  });

  it('does not wait once a frame is full, and collects while a publish is under way', async () => {
    const box = outbox();
    let take = () => {};
    beforeTaking = () => new Promise((resolve) => (take = resolve));
    say(box, 70_000);
    for (let i = 0; i < 5; i++) say(box, 70_000);
    expect(frames).toHaveLength(0);
    beforeTaking = async () => {};
    take();
    await box.close(1_000);
    expect(sizes()).toEqual([1, 5]);
  });

  it('makes no frame of more than 512 KiB, but for a single report', async () => {
    const box = outbox();
    let take = () => {};
    beforeTaking = () => new Promise((resolve) => (take = resolve));
    for (const bytes of [70_000, 300_000, 300_000, 900_000, 10]) say(box, bytes);
    beforeTaking = async () => {};
    take();
    await box.close(1_000);
    expect(sizes()).toEqual([1, 1, 1, 1, 1]);
  });

  it('keeps a frame that the bus cannot take, and its order', async () => {
    const box = outbox();
    let failures = 2;
    beforeTaking = async () => {
      if (failures-- > 0) throw new BusUnavailable('down');
    };
    for (const sequenceNum of [1, 2, 3]) say(box, 10, { sequenceNum });
    await box.close(2_000);
    expect(frames.flatMap(({ reports }) => reports.map(({ sequenceNum }) => sequenceNum))).toEqual([1, 2, 3]);
    expect(box.healthy).toBe(true);
  });

  it('lets go of a report that the bus refuses, and of no other', async () => {
    const box = outbox();
    beforeTaking = async ({ reports }) => {
      if (reports.some(({ sequenceNum }) => sequenceNum === 2)) throw new Error('too large');
    };
    for (const sequenceNum of [1, 2, 3]) say(box, 10, { sequenceNum });
    await box.close(1_000);
    expect(frames.flatMap(({ reports }) => reports.map(({ sequenceNum }) => sequenceNum))).toEqual([1, 3]);
  });

  it('drops what agents said over its bound, but not that they came or went', async () => {
    const box = outbox(1_000);
    say(box, 500);
    say(box, 500);
    say(box, 500, { disconnected: true });
    expect(dropped).toEqual([session, session]);
    await box.close(1_000);
    expect(
      frames.flatMap(({ reports }) =>
        reports.map((report) => [report.agentToServer.length, report.disconnected]),
      ),
    ).toEqual([
      [500, false],
      [0, true],
    ]);
  });

  it('gives up at the end when the bus stays away', async () => {
    const box = outbox();
    beforeTaking = async () => {
      throw new BusUnavailable('down');
    };
    say(box, 10);
    const began = Date.now();
    await box.close(100);
    expect(Date.now() - began).toBeLessThan(400);
    expect(session.pendingReports).toBeGreaterThan(0);
  });
});
