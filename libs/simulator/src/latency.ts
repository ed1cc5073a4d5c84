/** Buckets per doubling: a quantile is exact to 4.5 %. */
const perDoubling = 16;
/** Of the first bucket, milliseconds. */
const smallest = 0.01;
const buckets = 24 * perDoubling;

/** Quantiles in milliseconds. */
export interface Quantiles {
  count: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** What histograms of several processes are added up from. */
export interface LatencyCounts {
  /** By bucket; trailing zeros left out. */
  counts: number[];
  max: number;
}

/** Counts times in buckets that grow evenly, so that recording one costs nothing and processes can be added up. */
export class Latency {
  readonly #counts = new Uint32Array(buckets);
  #max = 0;

  record(ms: number): void {
    const bucket = ms <= smallest ? 0 : Math.floor(Math.log2(ms / smallest) * perDoubling) + 1;
    this.#counts[Math.min(bucket, buckets - 1)]! += 1;
    if (ms > this.#max) this.#max = ms;
  }

  counts(): LatencyCounts {
    const last = this.#counts.findLastIndex((count) => count > 0);
    return { counts: [...this.#counts.subarray(0, last + 1)], max: this.#max };
  }

  clear(): void {
    this.#counts.fill(0);
    this.#max = 0;
  }
}

export function addLatencies(parts: readonly LatencyCounts[]): LatencyCounts {
  const length = Math.max(0, ...parts.map(({ counts }) => counts.length));
  const counts = Array.from({ length }, (_, bucket) =>
    parts.reduce((sum, part) => sum + (part.counts[bucket] ?? 0), 0),
  );
  return { counts, max: Math.max(0, ...parts.map(({ max }) => max)) };
}

/** The quantiles of what was counted; the upper end of the bucket, never above the largest seen. */
export function quantiles({ counts, max }: LatencyCounts): Quantiles {
  const count = counts.reduce((sum, each) => sum + each, 0);
  const at = (share: number): number => {
    let left = share * count;
    const bucket = counts.findIndex((each) => (left -= each) <= 0);
    return count === 0 ? 0 : Math.min(max, smallest * 2 ** (bucket / perDoubling));
  };
  return { count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max };
}
