import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { realCollector } from './binaries.ts';
import { Child, commandLine, descendants, killAll, processesIn, type Exit } from './child.ts';
import { userEnvironment } from './muster.ts';

/** Lets the supervisor log what it receives; nothing else of the printed file is touched. */
const debugLog = 'telemetry:\n  logs:\n    level: debug\n';

/** A real opampsupervisor with a real collector, in a directory as the tour has it. */
export class Supervisor {
  readonly #directory: string;
  #child: Child | null = null;
  #earlierOutput = '';

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Puts the binaries and `supervisor.yaml` side by side and runs the command of the banner. */
  static async start(supervisorYaml: string): Promise<Supervisor> {
    const supervisor = await Supervisor.#install(supervisorYaml);
    await supervisor.start();
    return supervisor;
  }

  /** Like `start`, and its log tells the offers it got. */
  static async startVerbose(
    supervisorYaml: string,
    collector: 'otelcol' | 'otelcol-previous' = 'otelcol',
  ): Promise<Supervisor> {
    const supervisor = await Supervisor.#install(supervisorYaml + debugLog, collector);
    await supervisor.start();
    return supervisor;
  }

  static async #install(
    supervisorYaml: string,
    collector: 'otelcol' | 'otelcol-previous' = 'otelcol',
  ): Promise<Supervisor> {
    if (!realCollector.found) throw new Error(realCollector.reason);
    const directory = await mkdtemp(join(tmpdir(), 'muster-e2e-supervisor-'));
    await symlink(realCollector.paths.opampsupervisor, join(directory, 'opampsupervisor'));
    await symlink(realCollector.paths[collector], join(directory, 'otelcol'));
    await writeFile(join(directory, 'supervisor.yaml'), supervisorYaml);
    await writeFile(join(directory, 'quiet.yaml'), 'service: {telemetry: {metrics: {level: none}}}\n');
    return new Supervisor(directory);
  }

  /** Starts it, or starts it again with what it stored. */
  async start(): Promise<void> {
    this.#earlierOutput = this.output;
    this.#child = await Child.start('./opampsupervisor', ['--config', 'supervisor.yaml'], {
      cwd: this.#directory,
      env: userEnvironment(),
    });
  }

  /** What it wrote since it was installed. */
  get output(): string {
    return this.#earlierOutput + (this.#child?.output ?? '');
  }

  /** What it and its collector wrote, for people. */
  get logs(): string {
    const state = this.#child?.state ?? 'not started';
    const collectorLog = join(this.#directory, 'supervisor-data/agent.log');
    return `${this.output}\n--- the supervisor is ${state}; its collector:\n${existsSync(collectorLog) ? readFileSync(collectorLog, 'utf8') : ''}`;
  }

  /** Hashes of the remote configurations it was offered, in order. Needs `startVerbose`. */
  get offers(): string[] {
    return matches(this.output, /"msg":"Received remote config from server","hash":"([0-9a-f]+)"/g);
  }

  /** The instance uid that it gave itself; waits until it has said so. */
  uid(): Promise<string> {
    return vi.waitFor(
      () => {
        const [uid] = matches(this.output, /"msg":"Supervisor starting","id":"([0-9a-f-]+)"/g);
        if (uid === undefined) throw new Error(`the supervisor did not start:\n${this.output}`);
        return uid;
      },
      { timeout: 30_000, interval: 20 }, // the first start of a binary reads it from the disk
    );
  }

  /** Ids of the collector's processes that it runs now. */
  get collectors(): number[] {
    return this.#child
      ? descendants(this.#child.pid).filter((pid) => commandLine(pid).includes('otelcol'))
      : [];
  }

  /** kill -9 of the supervisor and its collector, which would outlive it and keep its ports. */
  async kill(): Promise<void> {
    await this.#child?.killTree();
  }

  /** SIGINT, its clean stop: it ends its collector and says goodbye to the server. */
  async stop(): Promise<Exit | undefined> {
    this.#child?.signal('SIGINT');
    return this.#child?.exited;
  }

  async dispose(): Promise<void> {
    killAll(processesIn(this.#directory)); // a collector outlives a supervisor that ends badly
    await this.#child?.exited;
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The same file for one of several supervisors on a machine: all collectors serve their own metrics on one port. */
export function oneOfMany(supervisorYaml: string): string {
  return supervisorYaml.replace(/^agent:\n/m, 'agent:\n  args: ["--config=quiet.yaml"]\n');
}

/** The same file (or URL) for plain HTTP: only the scheme of the endpoint differs. */
export function overHttp(text: string): string {
  return text.replace(/\bws:\/\//, 'http://');
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group]) => group as string);
}
