import { describe, expect, test } from 'vitest';
import { weekDays, windowAt, type MaintenanceWindow } from './maintenance-windows.ts';

const everyDay = (timezone: string, start: string, end: string): MaintenanceWindow => ({
  timezone,
  days: [...weekDays],
  start,
  end,
});

function at(windows: readonly MaintenanceWindow[], now: string) {
  const { open, changesAt } = windowAt(windows, Date.parse(now));
  return [open, changesAt === null ? null : new Date(changesAt).toISOString().replace('.000', '')];
}

describe('windowAt', () => {
  test('without windows it is always open', () => {
    expect(windowAt([], 0)).toEqual({ open: true, changesAt: null });
  });

  test('all day, every day never closes', () => {
    expect(at([everyDay('Asia/Tokyo', '00:00', '00:00')], '2026-03-29T00:30:00Z')).toEqual([true, null]);
  });

  const weekend: MaintenanceWindow = {
    timezone: 'Europe/Berlin',
    days: ['fri'],
    start: '22:00',
    end: '06:00',
  };
  test.each([
    ['before', '2026-11-20T20:59:59Z', false, '2026-11-20T21:00:00Z'],
    ['at its start', '2026-11-20T21:00:00Z', true, '2026-11-21T05:00:00Z'],
    ['after midnight, on a day that is not listed', '2026-11-21T04:59:59Z', true, '2026-11-21T05:00:00Z'],
    ['at its end', '2026-11-21T05:00:00Z', false, '2026-11-27T21:00:00Z'],
  ])('a window over midnight belongs to the day it begins on: %s', (_when, now, open, changesAt) => {
    expect(at([weekend], now)).toEqual([open, changesAt]);
  });

  test('windows that touch are one', () => {
    const windows = [everyDay('UTC', '01:00', '03:00'), everyDay('Europe/Berlin', '04:00', '06:30')];
    expect(at(windows, '2026-01-05T01:30:00Z')).toEqual([true, '2026-01-05T05:30:00Z']);
  });

  test.each([
    // Berlin: 29 March 02:00 → 03:00 (01:00 UTC); 25 October 03:00 → 02:00 (01:00 UTC)
    ['Europe/Berlin', '22:00', '06:00', '2026-03-28T23:00:00Z', true, '2026-03-29T04:00:00Z'],
    ['Europe/Berlin', '22:00', '06:00', '2026-10-24T23:00:00Z', true, '2026-10-25T05:00:00Z'],
    ['Europe/Berlin', '02:30', '04:00', '2026-03-29T00:30:00Z', false, '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '01:00', '02:30', '2026-03-29T00:30:00Z', true, '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '02:10', '02:50', '2026-03-29T00:59:00Z', false, '2026-03-30T00:10:00Z'],
    // the hour that comes twice: open from its first time to its second
    ['Europe/Berlin', '02:30', '04:00', '2026-10-25T00:29:00Z', false, '2026-10-25T00:30:00Z'],
    ['Europe/Berlin', '01:00', '02:30', '2026-10-25T00:45:00Z', true, '2026-10-25T01:30:00Z'],
    // New York: 8 March 02:00 → 03:00 (07:00 UTC); 1 November 02:00 → 01:00 (06:00 UTC)
    ['America/New_York', '23:00', '05:00', '2026-03-08T05:00:00Z', true, '2026-03-08T09:00:00Z'],
    ['America/New_York', '23:00', '05:00', '2026-11-01T05:00:00Z', true, '2026-11-01T10:00:00Z'],
    ['America/New_York', '02:15', '03:15', '2026-03-08T06:59:00Z', false, '2026-03-08T07:00:00Z'],
    // Tokyo knows no daylight saving
    ['Asia/Tokyo', '01:00', '05:00', '2026-03-28T15:59:00Z', false, '2026-03-28T16:00:00Z'],
    ['Asia/Tokyo', '01:00', '05:00', '2026-10-24T16:00:00Z', true, '2026-10-24T20:00:00Z'],
    // Lord Howe moves by half an hour: 5 April 02:00 → 01:30 (4 April 15:00 UTC); 4 October 02:00 → 02:30 (3 October 15:30 UTC)
    ['Australia/Lord_Howe', '01:00', '03:00', '2026-04-04T14:30:00Z', true, '2026-04-04T16:30:00Z'],
    ['Australia/Lord_Howe', '01:00', '03:00', '2026-10-03T14:45:00Z', true, '2026-10-03T16:00:00Z'],
    ['Australia/Lord_Howe', '02:15', '04:00', '2026-10-03T15:30:00Z', true, '2026-10-03T17:00:00Z'],
  ])('%s from %s to %s, at %s: open %s until %s', (zone, start, end, now, open, changesAt) => {
    expect(at([everyDay(zone, start, end)], now)).toEqual([open, changesAt]);
  });
});
