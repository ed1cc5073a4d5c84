import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from '@muster/platform/local-server';
import { natsServer } from './binaries.ts';
import { Child, commandLine, descendants, environmentOf, killAll, Orphans } from './child.ts';
import { RestClient } from './rest-client.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

export type Mode = 'all-in-one' | 'cluster';

/** The two ways to run; E2E_MODES picks one: `E2E_MODES=all-in-one npm run e2e`. */
export const modes = (process.env['E2E_MODES'] ?? 'all-in-one,cluster').split(',') as Mode[];

/** What is logged, as warnings and errors, where a test kills, cuts or overloads. */
export const logged = /^\{"level":[45]0,/;

/** The cluster's second gateway listens this much above the first. */
const secondGatewayOffset = 10;

/** After this a Muster that does not stop at the end of a test is killed. */
const stopPatienceMs = 10_000;

const npmScript: Record<Mode, string> = { 'all-in-one': 'start', cluster: 'cluster' };

export interface StartOptions {
  mode: Mode;
  /** Settings beside ports and data directory. */
  env?: Record<string, string>;
  /** Runs the command itself: npm and its shell die of the Ctrl-C that they get too, and hide its exit code. */
  withoutNpm?: boolean;
  /** Runs it elsewhere, or as somebody else. */
  run?: (settings: Record<string, string>) => Promise<Child>;
  /** What the test does makes it complain in such lines of standard error. Any other line fails `dispose`. */
  provokes?: RegExp;
  /** How long it may take. Generous: tests of other projects may share the machine. */
  readyWithinMs?: number;
}

/** A running Muster, started as its users do. */
export class Muster {
  readonly mode: Mode;
  readonly url: string;
  /** WebSocket URLs of the gateways, in the order of the banner. */
  readonly opamp: string[];
  readonly dataDir: string;
  readonly adminKey: string;
  readonly enrollmentToken: string;
  /** As printed at the first start. */
  readonly supervisorYaml: string;
  readonly rest: RestClient;
  readonly #env: Record<string, string>;
  readonly #run: () => Promise<Child>;
  readonly #provokes: RegExp | undefined;
  readonly #children: Child[] = [];
  readonly #orphans = new Orphans();

  private constructor(
    mode: Mode,
    env: Record<string, string>,
    child: Child,
    run: () => Promise<Child>,
    banner: Banner,
    provokes: RegExp | undefined,
  ) {
    this.mode = mode;
    this.url = banner.url;
    this.opamp = banner.opamp;
    this.dataDir = env['MUSTER_DATA_DIR'] as string;
    this.adminKey = banner.adminKey;
    this.supervisorYaml = banner.supervisorYaml;
    this.enrollmentToken = /Bearer (\S+)/.exec(banner.supervisorYaml)?.[1] ?? '';
    this.rest = new RestClient(banner.url, banner.adminKey);
    this.#env = env;
    this.#run = run;
    this.#children.push(child);
    this.#provokes = provokes;
  }

  get #child(): Child {
    return this.#children.at(-1)!;
  }

  /** Starts it on free ports and a fresh data directory, and waits until it is ready. */
  static async start({ mode, env = {}, withoutNpm = false, ...options }: StartOptions): Promise<Muster> {
    const home = await mkdtemp(join(tmpdir(), 'muster-e2e-'));
    const settings = { ...(await freshSettings(join(home, 'data'))), ...env };
    const runThere = (withoutNpm ? runCommand : runMuster).bind(null, mode);
    const run = () => (options.run ?? runThere)(settings);
    const child = await run();
    return new Muster(
      mode,
      settings,
      child,
      run,
      readBanner(await readyOutput(child, settings, options.readyWithinMs)),
      options.provokes,
    );
  }

  /** What the running process wrote so far. */
  get output(): string {
    return this.#child.output;
  }

  /** Ids of the processes below that run one part of Muster: `main` for the command itself, or an app's name. */
  processes(part: string): number[] {
    const program = part === 'main' ? '.bin/muster' : `${part}/dist/main.js`;
    return [this.#child.pid, ...descendants(this.#child.pid)].filter((pid) => {
      const [, ...args] = commandLine(pid).split(' '); // a shell in between holds it as one argument of -c
      return args[0] !== '-c' && args.some((arg) => arg.endsWith(program));
    });
  }

  /** Process ids of a cluster's parts by name: apps', and gateways' ids. */
  get parts(): Map<string, number> {
    const named = descendants(this.#child.pid).flatMap((pid): [string, number][] => {
      const app = /\/(\w+)\/dist\/main\.js$/.exec(commandLine(pid))?.[1];
      if (app === undefined || app === 'muster') return [];
      return [[app === 'gateway' ? (environmentOf(pid, 'MUSTER_GATEWAY_ID') ?? app) : app, pid]];
    });
    return new Map(named);
  }

  /** Process id of one of a cluster's `parts`. */
  part(name: string): number {
    const pid = this.parts.get(name);
    if (pid === undefined) throw new Error(`there is no process of ${name}`);
    return pid;
  }

  /** Ctrl-C. Answers the exit code and how long it took, milliseconds. */
  async stop(): Promise<{ code: number | null; tookMs: number }> {
    const started = performance.now();
    this.#child.interrupt();
    const { code } = await this.#child.exited;
    return { code, tookMs: performance.now() - started };
  }

  /** A signal to what was started alone: npm, or the command itself without it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.signal(signal);
  }

  /** kill -9 of everything it runs. */
  async kill(): Promise<void> {
    await this.#child.killTree();
  }

  /** kill -9 of the command's own process only; what it had started is orphaned. */
  async killMain(): Promise<void> {
    this.#orphans.add(descendants(this.#child.pid));
    killAll(this.processes('main'));
    await this.#child.exited;
  }

  /** Starts it again, same settings and data, and waits until it is ready. */
  async startAgain(): Promise<void> {
    this.#children.push(await this.#run());
    await readyOutput(this.#child, this.#env);
  }

  /** Stops what still runs and removes the data. Then throws if it ever complained of what no test provoked. */
  async dispose(): Promise<void> {
    if (this.#child.running) await Promise.race([this.stop(), sleep(stopPatienceMs, null, { ref: false })]);
    await this.#child.killTree();
    this.#orphans.kill();
    await rm(dirname(this.dataDir), { recursive: true, force: true });
    const complaints = this.#children.flatMap(({ errors }) => errors);
    const unexpected = complaints.filter((line) => !this.#provokes?.test(line));
    if (unexpected.length > 0) {
      throw new Error(`unexpected on standard error:\n${unexpected.slice(0, 20).join('\n')}`);
    }
  }
}

/** Settings of a Muster that is alone on this machine: free ports, a data directory of its own. */
export async function freshSettings(dataDir: string): Promise<Record<string, string>> {
  const port = await freePorts(2 + secondGatewayOffset);
  return {
    MUSTER_DATA_DIR: dataDir,
    MUSTER_API_PORT: String(port),
    MUSTER_OPAMP_PORT: String(port + 1),
    ...(natsServer && { MUSTER_BIN_DIR: dirname(natsServer) }),
  };
}

/** `npm start` or `npm run cluster` in this repository, from an environment like a user's. */
export function runMuster(mode: Mode, settings: Record<string, string>): Promise<Child> {
  return Child.start('npm', ['run', '--silent', npmScript[mode]], {
    cwd: repository,
    env: { ...userEnvironment(), ...settings },
  });
}

/** What these scripts of npm run. */
function runCommand(mode: Mode, settings: Record<string, string>): Promise<Child> {
  const node = join(repository, 'node_modules/node/bin/node');
  return Child.start(node, ['node_modules/.bin/muster', npmScript[mode]], {
    cwd: repository,
    env: { ...userEnvironment(), ...settings },
  });
}

/** This process's environment without what npm and vitest put there. */
export function userEnvironment(): NodeJS.ProcessEnv {
  const added = /^(npm_|VITEST|MUSTER_|NODE_ENV$|NODE_OPTIONS$|TEST$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/i;
  const kept = Object.entries(process.env).filter(([name]) => !added.test(name));
  const path = (process.env['PATH'] ?? '').split(':').filter((dir) => !dir.includes('node_modules'));
  return { ...Object.fromEntries(kept), PATH: path.join(':') };
}

/** What it wrote until it was ready; a start that fails is ended. */
async function readyOutput(
  child: Child,
  settings: Record<string, string>,
  readyWithinMs = 60_000,
): Promise<string> {
  const readyz = `http://127.0.0.1:${settings['MUSTER_API_PORT']}/readyz`;
  for (let deadline = Date.now() + readyWithinMs; ; await sleep(50)) {
    const answer = await fetch(readyz).catch(() => null);
    if (answer?.ok && child.output.includes('Muster is ready.')) return child.output;
    if (child.running && Date.now() < deadline) continue;
    const outcome = child.running ? 'was not ready in time' : 'ended';
    await child.killTree();
    throw new Error(`Muster ${outcome}:\n${child.output}`);
  }
}

interface Banner {
  url: string;
  opamp: string[];
  adminKey: string;
  supervisorYaml: string;
}

/** Reads the banner of a first start as a person does. */
function readBanner(output: string): Banner {
  const line = (label: string) => new RegExp(`^ +${label} +(.+)$`, 'm').exec(output)?.[1]?.trim() ?? '';
  const yaml = /supervisor\.yaml\n.*\n\n((?: {4}.*\n)+)/.exec(output)?.[1] ?? '';
  return {
    url: line('Web UI and API'),
    opamp: line('OpAMP').split(/\s+/),
    adminKey: line('Admin key'),
    supervisorYaml: yaml.replace(/^ {4}/gm, ''),
  };
}
