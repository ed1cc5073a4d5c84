import type { EventBus, ReportBacklog } from '@muster/messages/event-bus';
import { describe, expect, it } from 'vitest';
import { ReportProgress } from './report-progress.ts';

describe('the progress of reports', () => {
  let now = 1_000_000;
  const watch = () => {
    const backlog: ReportBacklog = { oldestAt: null, taken: 0 };
    const bus = {
      available: true,
      reportBacklog: async () => ({ ...backlog }),
      deadLetters: { count: async () => 7 },
    };
    const progress = new ReportProgress(bus as unknown as EventBus, 60_000, now);
    const after = async (ms: number, change: Partial<ReportBacklog> = {}) => {
      now += ms;
      Object.assign(backlog, change);
      await progress.look(() => now);
      return progress.problem(now);
    };
    return { progress, after };
  };

  it('is fine while there is nothing, however long', async () => {
    const { after } = watch();
    expect(await after(0)).toBeNull();
    expect(await after(10 * 60_000)).toBeNull();
  });

  it('is fine while a backlog is old and is being worked on', async () => {
    const { after, progress } = watch();
    const since = now;
    for (let taken = 1; taken < 50; taken += 1) {
      expect(await after(10_000, { oldestAt: since, taken })).toBeNull();
    }
    expect(progress.numbers.oldestReportSeconds).toBe(490);
    expect(progress.deadLetters.kept).toBe(7);
  });

  it('names the age when none is taken for too long, and is fine as soon as one is', async () => {
    const { after } = watch();
    const since = now;
    expect(await after(5_000, { oldestAt: since })).toBeNull();
    expect(await after(55_000)).toBeNull();
    expect(await after(10_000)).toBe(
      'the oldest report that has not been taken is 70 s old, and none was taken for 65 s',
    );
    expect(await after(1_000, { taken: 1 })).toBeNull();
  });

  it('does not blame a report that has just come', async () => {
    const { after } = watch();
    await after(0);
    expect(await after(10 * 60_000, { oldestAt: now + 10 * 60_000 - 1_000 })).toBeNull();
  });
});
