export const weekDays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type WeekDay = (typeof weekDays)[number];

/** When agents may be offered something. An end that is not after the start lies on the next day. */
export interface MaintenanceWindow {
  /** IANA name, such as "Europe/Berlin". */
  timezone: string;
  days: WeekDay[];
  /** "HH:MM" by the clocks there. */
  start: string;
  end: string;
}

/** A window while it is edited. */
export interface WindowRow extends MaintenanceWindow {
  id: number;
}

export function toWindowRows(windows: MaintenanceWindow[]): WindowRow[] {
  return windows.map((window, id) => ({ ...window, id }));
}

export function toWindows(rows: WindowRow[]): MaintenanceWindow[] {
  return rows.map(({ timezone, days, start, end }) => ({ timezone: timezone.trim(), days, start, end }));
}

/** "mon–fri 22:00–06:00 (the next day) Europe/Berlin". */
export function windowText({ timezone, days, start, end }: MaintenanceWindow): string {
  const overnight = end <= start ? ' (the next day)' : '';
  return `${daysText(days)} ${start}–${end}${overnight} ${timezone}`;
}

/** Three days or more on end are a range. */
function daysText(days: WeekDay[]): string {
  if (days.length === weekDays.length) return 'every day';
  const numbers = weekDays.flatMap((day, index) => (days.includes(day) ? [index] : []));
  const ranges: number[][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && last.at(-1) === number - 1) last.push(number);
    else ranges.push([number]);
  }
  return ranges
    .flatMap((range) => {
      const names = range.map((number) => weekDays[number]);
      return range.length > 2 ? [`${names[0]}–${names.at(-1)}`] : names;
    })
    .join(', ');
}
