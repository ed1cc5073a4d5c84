import { isIPv6 } from 'node:net';
import type { Log } from '@muster/platform/log';

export interface WrongCredentialsOptions {
  /** Wrong ones that each address may present, or network of an IPv6 address (/64); a minute's worth at once. */
  perMinute: number;
  log: Log;
  /** Milliseconds. */
  now?: () => number;
}

/** Networks remembered at least, those heard of last; twice as many at most. */
const networksKept = 10_000;
/** Credentials of addresses over their limit that are judged all the same, each second, over all addresses. */
const judgedPerSecond = 20;
const logEveryMs = 60_000;
/** Addresses that a line of the log names. */
const addressesTold = 5;

interface Allowance {
  /** Wrong credentials that may still come. */
  left: number;
  /** When that was so, milliseconds. */
  at: number;
}

/**
 * Limits how many wrong credentials come from an address. A good one passes from any address: many agents and
 * people share one behind NAT, and none of them may lock the others out. What is limited is what wrong ones
 * cost: beyond the limit they are refused with 429, and few are judged at all (ADR 0024).
 *
 * Wants `expect` before an unknown credential is judged, and then `right` or `wrong`.
 */
export class WrongCredentials {
  /** Running totals, for metrics. */
  readonly totals = { wrongCredentials: 0, credentialsLimited: 0 };
  readonly #perMinute: number;
  readonly #log: Log;
  readonly #now: () => number;
  /** The networks heard of last, and those heard of before. */
  #young = new Map<string, Allowance>();
  #old = new Map<string, Allowance>();
  readonly #beyond: Allowance;
  /** Since the last line of the log: address → how many. */
  #untold = new Map<string, number>();
  #untoldLimited = 0;
  #telling: NodeJS.Timeout | null = null;

  constructor({ perMinute, log, now = Date.now }: WrongCredentialsOptions) {
    this.#perMinute = perMinute;
    this.#log = log;
    this.#now = now;
    this.#beyond = { left: judgedPerSecond, at: now() };
  }

  /**
   * Whether a credential from this address may be judged that is not known to be good. Counts it as wrong
   * until `right` is called, so that many at once do not get past the limit. False: answer 429.
   */
  expect(address: string): boolean {
    const allowance = this.#of(address);
    if (allowance.left >= 1) {
      allowance.left -= 1;
      return true;
    }
    this.#refill(this.#beyond, judgedPerSecond, 1_000);
    if (this.#beyond.left < 1) return false;
    this.#beyond.left -= 1;
    return true;
  }

  /** What was expected to be wrong is right. */
  right(address: string): void {
    const allowance = this.#of(address);
    allowance.left = Math.min(this.#perMinute, allowance.left + 1);
  }

  /** Notes a wrong credential, judged or not. Seconds after which to come again; null: its address is within the limit. */
  wrong(address: string): number | null {
    this.totals.wrongCredentials += 1;
    if (this.#untold.size < networksKept || this.#untold.has(address))
      this.#untold.set(address, (this.#untold.get(address) ?? 0) + 1);
    this.#telling ??= setTimeout(() => this.#tell(), logEveryMs).unref();
    const { left } = this.#of(address);
    if (left >= 1) return null;
    this.totals.credentialsLimited += 1;
    this.#untoldLimited += 1;
    return Math.max(1, Math.ceil(((1 - left) * 60) / this.#perMinute));
  }

  /** Logs what is not told yet. */
  stop(): void {
    if (this.#telling === null) return;
    clearTimeout(this.#telling);
    this.#tell();
  }

  #tell(): void {
    const counts = [...this.#untold.values()];
    const most = [...this.#untold].sort(([, a], [, b]) => b - a).slice(0, addressesTold);
    this.#log.warn(
      {
        wrong: counts.reduce((sum, count) => sum + count, 0),
        limited: this.#untoldLimited,
        addresses: counts.length,
        most: Object.fromEntries(most),
      },
      'wrong credentials were presented',
    );
    this.#untold = new Map();
    this.#untoldLimited = 0;
    this.#telling = null;
  }

  #of(address: string): Allowance {
    const network = networkOf(address);
    const known = this.#young.get(network) ?? this.#old.get(network);
    const allowance = known ?? { left: this.#perMinute, at: this.#now() };
    this.#young.set(network, allowance);
    if (this.#young.size >= networksKept) [this.#old, this.#young] = [this.#young, new Map()];
    this.#refill(allowance, this.#perMinute, 60_000);
    return allowance;
  }

  #refill(allowance: Allowance, most: number, overMs: number): void {
    const now = this.#now();
    allowance.left = Math.min(most, allowance.left + ((now - allowance.at) * most) / overMs);
    allowance.at = now;
  }
}

/** An IPv4 address as it is, also when it comes mapped; the first 64 bits of an IPv6 address: one site, or one person. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length;
    while (groups.length < 4 && groups.length + after < 8) groups.push('0');
    groups.push(...tail.split(':'));
  }
  return `${groups
    .slice(0, 4)
    .map((group) => parseInt(group || '0', 16).toString(16))
    .join(':')}::/64`;
}
