import { expect } from 'vitest';

/** How often each size is measured; the least counts, since other work on the machine only adds. */
const tries = 3;
/** Compiling and collecting garbage fall on one size or another: what grows faster in itself does so each time. */
const attempts = 4;
/** What four times the input may cost without a look at its growth: no sender stalls anything with this. */
const cheapMs = 25;
/** Four times the input costs four times the work if it is linear, and sixteen times if it is quadratic. */
const mostGrowth = 8;

/**
 * Fails when the CPU time of `work` grows faster than its input. `input` makes an input of about the given
 * size; it is measured at `size`, twice and four times that. Choose `size` so that four times `size` is
 * near the limit of what a sender may send.
 */
export function expectLinear<T>(
  work: (input: T) => unknown,
  input: (size: number) => T,
  { size = 16 * 1024, what = '' }: { size?: number; what?: string } = {},
): void {
  let measured = '';
  let growth = Infinity;
  for (let attempt = 0; attempt < attempts && growth >= mostGrowth; attempt++) {
    const [once, twice, four] = [size, 2 * size, 4 * size].map((each) => leastCpuMs(work, input(each)));
    if (four! <= cheapMs) return;
    growth = four! / Math.max(once!, 1);
    measured = [once, twice, four].map((ms) => ms!.toFixed(1)).join(', ');
  }
  expect(growth, `${what}: ${measured} ms of CPU at 1, 2, 4 times the input`).toBeLessThan(mostGrowth);
}

function leastCpuMs<T>(work: (input: T) => unknown, input: T): number {
  let least = Infinity;
  for (let i = 0; i < tries; i++) {
    const before = process.cpuUsage();
    try {
      work(input);
    } catch {
      // A refusal is an answer too: only what it costs counts here.
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
    if (least > 20_000) break;
  }
  return least;
}

/** `fragment` repeated to about `bytes`. */
export const repeated = (fragment: string) => (bytes: number) =>
  fragment.repeat(Math.ceil(bytes / fragment.length));
