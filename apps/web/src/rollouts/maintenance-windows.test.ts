import { expect, test } from 'vitest';
import { weekDays, windowText, type WeekDay } from './maintenance-windows.ts';

test.each<[WeekDay[], string]>([
  [[...weekDays], 'every day'],
  [['mon', 'tue', 'wed', 'thu', 'fri'], 'mon–fri'],
  [['sat', 'sun'], 'sat, sun'],
  [['mon', 'wed', 'thu', 'fri', 'sun'], 'mon, wed–fri, sun'],
  [['tue'], 'tue'],
])('%j reads "%s"', (days, text) => {
  expect(windowText({ timezone: 'UTC', days, start: '01:00', end: '02:30' })).toBe(`${text} 01:00–02:30 UTC`);
});

test('a window over midnight says so', () => {
  expect(windowText({ timezone: 'Europe/Berlin', days: ['fri'], start: '22:00', end: '06:00' })).toBe(
    'fri 22:00–06:00 (the next day) Europe/Berlin',
  );
});
