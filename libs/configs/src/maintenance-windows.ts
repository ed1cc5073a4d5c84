import { IANAZone } from 'luxon';

export const weekDays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type WeekDay = (typeof weekDays)[number];

/**
 * When agents may be offered something, by the clocks of a place. An `end` that is not after `start` lies on
 * the next day: the window belongs to the day on which it begins.
 */
export interface MaintenanceWindow {
  /** IANA name, such as "Europe/Berlin". */
  readonly timezone: string;
  readonly days: readonly WeekDay[];
  /** "HH:MM" by the clocks there. */
  readonly start: string;
  readonly end: string;
}

export interface WindowState {
  readonly open: boolean;
  /** When that changes next, Unix milliseconds; null: it never does. */
  readonly changesAt: number | null;
}

/** The same few times are asked for again and again, and Intl takes long to answer. */
const known = new Map<string, number[]>();
const mostKnown = 10_000;

interface Span {
  start: number;
  end: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Every window begins within a week; two days more, since clocks differ and a window may last for a day. */
const daysAhead = 9;
const daysBack = 2;

/** Is one of the windows open at `now` (Unix milliseconds)? Without windows it always is. */
export function windowAt(windows: readonly MaintenanceWindow[], now: number): WindowState {
  if (windows.length === 0) return { open: true, changesAt: null };
  const spans = merged(windows.flatMap((window) => spansOf(window, now)));
  const current = spans.find(({ start, end }) => start <= now && now < end);
  if (current) return { open: true, changesAt: current.end - now > 7 * dayMs ? null : current.end };
  return { open: false, changesAt: spans.find(({ start }) => start > now)?.start ?? null };
}

/** Days are counted as if in UTC, then read as the clocks of the zone show them. */
function spansOf({ timezone, days, start, end }: MaintenanceWindow, now: number): Span[] {
  const zone = IANAZone.create(timezone);
  const today = Math.floor((now + zone.offset(now) * minuteMs) / dayMs);
  const from = minutesOf(start);
  const to = minutesOf(end) + (minutesOf(end) > from ? 0 : 24 * 60);
  const spans: Span[] = [];
  for (let day = today - daysBack; day <= today + daysAhead; day++) {
    if (!days.includes(weekDayOf(day))) continue;
    const midnight = day * dayMs;
    spans.push({
      start: Math.min(...instantsOf(zone, midnight + from * minuteMs)),
      end: Math.max(...instantsOf(zone, midnight + to * minuteMs)),
    });
  }
  return spans;
}

/** 1 January 1970 was a Thursday. */
function weekDayOf(day: number): WeekDay {
  return weekDays[(((day + 3) % 7) + 7) % 7]!;
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return hours! * 60 + minutes!;
}

/**
 * When the clocks of a zone show this: twice when they are put back over it. When they are put forward over
 * it, the moment at which that happens.
 *
 * @param shown what they show, as Unix milliseconds of the same time in UTC
 */
function instantsOf(zone: IANAZone, shown: number): number[] {
  const key = `${zone.name} ${shown}`;
  const remembered = known.get(key);
  if (remembered) return remembered;
  if (known.size >= mostKnown) known.clear();
  const instants = findInstants(zone, shown);
  known.set(key, instants);
  return instants;
}

function findInstants(zone: IANAZone, shown: number): number[] {
  const offsets = new Set([shown - dayMs, shown + dayMs].map((near) => zone.offset(near) * minuteMs));
  const instants = [...offsets].map((offset) => shown - offset);
  const shownThen = instants.filter((instant) => instant + zone.offset(instant) * minuteMs === shown);
  return shownThen.length > 0
    ? shownThen
    : [changeBetween(zone, Math.min(...instants), Math.max(...instants))];
}

function changeBetween(zone: IANAZone, before: number, after: number): number {
  const changed = zone.offset(after);
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offset(middle) === changed) high = middle;
    else low = middle;
  }
  return high;
}

/** Spans in order, those that touch joined; a window that the clocks jump over is none. */
function merged(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    if (end <= start) continue;
    const last = joined.at(-1);
    if (last && start <= last.end) last.end = Math.max(last.end, end);
    else joined.push({ start, end });
  }
  return joined;
}
