import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runValidate, type Verdict } from './collector-sandbox.ts';
import { textWork } from './text-work.ts';
import { warning, type FileProblem } from './file-problems.ts';

/** A collector by its distribution (`service.name`) and version (`service.version`). */
export interface CollectorBuild {
  distribution: string;
  version: string;
}

const program = 'otelcol';
const atOnce = 2;
const resultsKept = 500;
const defaultTimeoutMs = 10_000;
/** Fits wherever a text is wanted, and an address too. */
const placeholder = 'placeholder';

/**
 * Asks real collectors whether they would take a configuration. Their programs are
 * `<directory>/<distribution>/<version>/otelcol`; each runs in a sandbox (ADR 0017).
 */
export class CollectorValidators {
  readonly #directory: string | null;
  /** The program that makes namespaces; null: none, collectors run as they are. */
  readonly #unshare: string | null;
  readonly #results = new Map<string, FileProblem[]>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `directory` null: there are no collectors to ask. */
  constructor({
    directory,
    sandboxed,
    unshare = 'unshare',
  }: {
    directory: string | null;
    sandboxed: boolean;
    unshare?: string;
  }) {
    this.#directory = directory;
    this.#unshare = sandboxed ? unshare : null;
  }

  /** The collectors there are, by distribution and version. */
  async list(): Promise<CollectorBuild[]> {
    if (this.#directory === null) return [];
    const builds: CollectorBuild[] = [];
    for (const distribution of await namesIn(this.#directory)) {
      for (const version of await namesIn(join(this.#directory, distribution))) {
        if (await this.#binary({ distribution, version })) builds.push({ distribution, version });
      }
    }
    return builds;
  }

  /**
   * What the collector of exactly this distribution and version has against these files (name → text,
   * merged in the order of their names); null: there is none to ask. A finding is a warning where the
   * collector could not be asked, or where it depends on a value that only a host has.
   */
  async validate(
    build: CollectorBuild,
    files: Readonly<Record<string, string>>,
    { timeoutMs = defaultTimeoutMs }: { timeoutMs?: number } = {},
  ): Promise<FileProblem[] | null> {
    const binary = await this.#binary(build);
    if (!binary) return null;
    const inOrder = Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const configs = inOrder.map(([, text]) => text);
    const key = createHash('sha256')
      .update(JSON.stringify([binary, inOrder]))
      .digest('base64');
    const known = this.#results.get(key);
    if (known) return known;
    const verdict = await this.#inTurn(() =>
      runValidate({
        binary: binary.path,
        configs,
        env: placeholdersFor(configs),
        timeoutMs,
        unshare: this.#unshare,
      }),
    );
    const problems = await judge(verdict, build, inOrder);
    if (verdict.kind === 'said') this.#keep(key, problems);
    return problems;
  }

  /** The program, with what changes when it is replaced. */
  async #binary({ distribution, version }: CollectorBuild): Promise<{ path: string; stamp: string } | null> {
    if (this.#directory === null || !isName(distribution) || !isName(version)) return null;
    const path = join(this.#directory, distribution, version, program);
    const found = await stat(path).catch(() => null);
    return found?.isFile() ? { path, stamp: `${found.mtimeMs} ${found.size}` } : null;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running === atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #keep(key: string, problems: FileProblem[]): void {
    this.#results.set(key, problems);
    const [oldest] = this.#results.keys();
    if (this.#results.size > resultsKept) this.#results.delete(oldest!);
  }
}

async function judge(
  verdict: Verdict,
  { distribution, version }: CollectorBuild,
  files: readonly (readonly [name: string, text: string])[],
): Promise<FileProblem[]> {
  const collector = `${distribution} ${version}`;
  if (verdict.kind === 'notRun') {
    return [warning(`${collector} was not asked, since ${verdict.reason.slice(0, 300)}`)];
  }
  if (verdict.kind === 'overLimit') {
    return [warning(`${collector} was ended before it had an answer: ${verdict.limit}`)];
  }
  if (verdict.accepted) return [];
  const size = files.reduce((sum, [, text]) => sum + text.length, verdict.text.length);
  const problems = await textWork.run('understand', { text: verdict.text, files }, size, 'checked');
  return problems.map((problem) => ({
    ...problem,
    message: `${collector}: ${problem.message}`,
  }));
}

/** For each environment variable that is referred to without a default. */
function placeholdersFor(configs: readonly string[]): Record<string, string> {
  const names = configs.flatMap((config) => [...config.matchAll(/\$\{(?:env:)?([A-Za-z_]\w*)\}/g)]);
  return Object.fromEntries(names.map(([, name]) => [name!, placeholder]));
}

function isName(text: string): boolean {
  return /^[\w+-][\w.+-]*$/.test(text);
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).filter(isName).toSorted();
}
