import { IANAZone } from 'luxon';
import { InvalidPolicy } from './errors.ts';
import { weekDays, type MaintenanceWindow, type WeekDay } from './maintenance-windows.ts';

/** Reads what stands for a member of a policy. Throws `InvalidPolicy` that names it. */
export type Reader<T> = (member: string, value: unknown) => T;

/** The number an amount stands for among `total`: "3" is 3, "10%" its share before rounding. */
export function amountOf(amount: string, total: number): number {
  return amount.endsWith('%') ? (Number(amount.slice(0, -1)) * total) / 100 : Number(amount);
}

export function readWaves(member: string, value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 100) {
    throw new InvalidPolicy(member, 'must be a list of 1 to 100 waves, such as ["1", "10%", "100%"]');
  }
  const waves = value.map((wave, index) => readAmount(`${member}[${index}]`, wave));
  for (const [index, wave] of waves.entries()) {
    const before = waves.slice(0, index).findLast((other) => other.endsWith('%') === wave.endsWith('%'));
    if (amountOf(wave, 100) <= amountOf(before ?? '0', 100)) {
      throw new InvalidPolicy(`${member}[${index}]`, `must reach further than ${before ?? '0'}`);
    }
  }
  return waves;
}

export function readAmount(member: string, value: unknown): string {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && /^\d{1,9}$/.test(text)) return String(Number(text));
  if (typeof text === 'string' && /^\d{1,3}(\.\d{1,3})?%$/.test(text) && amountOf(text, 100) <= 100)
    return text;
  throw new InvalidPolicy(member, 'must be a number of agents ("2") or a share up to 100 % ("2%")');
}

export function wholeNumber(least: number, most: number): Reader<number> {
  return (member, value) => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidPolicy(member, `must be a whole number from ${least} to ${most}`);
  };
}

export function orNull<T>(read: Reader<T>): Reader<T | null> {
  return (member, value) => (value === null ? null : read(member, value));
}

export function oneOf<const T extends string>(first: T, second: T): Reader<T> {
  return (member, value) => {
    if (value === first || value === second) return value as T;
    throw new InvalidPolicy(member, `must be "${first}" or "${second}"`);
  };
}

export function readWindows(member: string, value: unknown): MaintenanceWindow[] {
  if (!Array.isArray(value) || value.length > 50) {
    throw new InvalidPolicy(member, 'must be a list of up to 50 windows; empty: at any time');
  }
  return value.map((window, index) => readWindow(`${member}[${index}]`, window));
}

const windowMembers = ['timezone', 'days', 'start', 'end'];

function readWindow(member: string, value: unknown): MaintenanceWindow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidPolicy(
      member,
      'must be a window, such as {"timezone": "Europe/Berlin", "days": ["sat"], "start": "22:00", "end": "06:00"}',
    );
  }
  const unknown = Object.keys(value).find((key) => !windowMembers.includes(key));
  if (unknown !== undefined) {
    throw new InvalidPolicy(`${member}.${unknown}`, `is not known; known are ${windowMembers.join(', ')}`);
  }
  const { timezone, days, start, end } = value as Record<string, unknown>;
  return {
    timezone: readTimezone(`${member}.timezone`, timezone),
    days: readDays(`${member}.days`, days),
    start: readTime(`${member}.start`, start),
    end: readTime(`${member}.end`, end),
  };
}

function readTimezone(member: string, value: unknown): string {
  if (typeof value === 'string' && IANAZone.isValidZone(value)) return value;
  throw new InvalidPolicy(member, 'must be an IANA time zone, such as "Europe/Berlin" or "UTC"');
}

function readDays(member: string, value: unknown): WeekDay[] {
  const isDay = (day: unknown): day is WeekDay => (weekDays as readonly unknown[]).includes(day);
  if (Array.isArray(value) && value.length > 0 && value.every(isDay))
    return weekDays.filter((day) => value.includes(day));
  throw new InvalidPolicy(member, `must be a list of days out of ${weekDays.join(', ')}`);
}

function readTime(member: string, value: unknown): string {
  if (typeof value === 'string' && /^([01]\d|2[0-3]):[0-5]\d$/.test(value)) return value;
  throw new InvalidPolicy(member, 'must be a time from "00:00" to "23:59"');
}
