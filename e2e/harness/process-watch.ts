import { readdirSync, readFileSync } from 'node:fs';

const everyMs = 1_000;

export interface ProcessFigures {
  name: string;
  /** MiB. */
  first: number;
  last: number;
  peak: number;
  /** MiB per minute, by least squares over the second half, when caches are warm. */
  slope: number;
  /** Open files and sockets at the start and the end of the second half. */
  handles: [number, number];
}

interface Sample {
  at: number;
  residentBytes: number;
  handles: number;
}

/** Memory and open handles of processes, second by second. */
export class ProcessWatch {
  readonly #samples = new Map<string, Sample[]>();
  readonly #timer: NodeJS.Timeout;

  private constructor(processes: ReadonlyMap<string, number>) {
    const sample = () => {
      for (const [name, pid] of processes) this.#take(name, pid);
    };
    sample();
    this.#timer = setInterval(sample, everyMs);
  }

  /** Process ids by the names they are to be shown with. */
  static start(processes: ReadonlyMap<string, number>): ProcessWatch {
    return new ProcessWatch(processes);
  }

  stop(): ProcessFigures[] {
    clearInterval(this.#timer);
    return [...this.#samples].map(([name, samples]) => figuresOf(name, samples));
  }

  #take(name: string, pid: number): void {
    const residentBytes = residentBytesOf(pid);
    if (residentBytes === null) return;
    const samples = this.#samples.get(name) ?? [];
    samples.push({ at: performance.now(), residentBytes, handles: handlesOf(pid) });
    this.#samples.set(name, samples);
  }
}

function figuresOf(name: string, samples: Sample[]): ProcessFigures {
  const mebibytes = samples.map(({ residentBytes }) => residentBytes / 2 ** 20);
  const settled = samples.slice(Math.floor(samples.length / 2));
  return {
    name,
    first: Math.round(mebibytes[0] ?? 0),
    last: Math.round(mebibytes.at(-1) ?? 0),
    peak: Math.round(Math.max(...mebibytes)),
    slope: slopeOf(settled),
    handles: [settled[0]?.handles ?? 0, settled.at(-1)?.handles ?? 0],
  };
}

/** MiB per minute. */
function slopeOf(samples: Sample[]): number {
  const points = samples.map(({ at, residentBytes }) => [at / 60_000, residentBytes / 2 ** 20] as const);
  const mean = (which: 0 | 1) => points.reduce((sum, point) => sum + point[which], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}

/** Resident memory of a process; null when it is gone. */
export function residentBytesOf(pid: number): number | null {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
  } catch {
    return null;
  }
}

function handlesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
