import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '@muster/platform/local-server';
import type { Backends } from './backends.ts';
import { Child, type Exit } from './child.ts';
import { repository, userEnvironment } from './muster.ts';
import { RestClient } from './rest-client.ts';

export type App = 'gateway' | 'inventory' | 'configs' | 'rollouts' | 'api';

/** Runs one process of production, or the command line `muster <command>`. */
export interface Release {
  run(app: App, env: Record<string, string>): Promise<Child>;
  command(command: string, env: Record<string, string>): Promise<Child>;
}

const node = join(repository, 'node_modules/node/bin/node');
const readyWithinMs = 60_000;
const adminKey = 'admin-key-of-the-tests';
const enrollmentToken = 'enrollment-token-of-the-tests';

/** The processes that a folder was built to. */
export function releaseIn(folder: string): Release {
  const start = (args: string[], env: Record<string, string>) =>
    Child.start(node, args, { cwd: folder, env: { ...userEnvironment(), ...env } });
  return {
    run: (app, env) => start([`apps/${app}/dist/main.js`], env),
    command: (command, env) => start(['apps/muster/dist/main.js', command], env),
  };
}

export const thisRelease = releaseIn(repository);

export interface ProcessesOptions {
  backends: Backends;
  release: Release;
  /** Ids of gateways; others would mistake gateways of the same id for one. */
  gateways: string[];
  /** Settings of all of them. */
  env?: Record<string, string>;
}

/** The processes of production, each started alone, as an orchestrator does. */
export class Processes {
  readonly url: string;
  /** WebSocket URLs of the gateways, in their order. */
  readonly opamp: string[];
  readonly adminKey = adminKey;
  readonly enrollmentToken = enrollmentToken;
  readonly rest: RestClient;
  readonly #children = new Map<string, Child>();
  readonly #probes = new Map<string, string>();
  readonly #starts = new Map<string, () => Promise<Child>>();

  private constructor({ backends, release, gateways, env = {} }: ProcessesOptions, firstPort: number) {
    const common = { ...backends.env, MUSTER_LOG_LEVEL: 'info', ...env };
    let port = firstPort;
    const add = (name: string, app: App, probe: string, settings: Record<string, string>): void => {
      this.#probes.set(name, `http://127.0.0.1:${probe}/readyz`);
      this.#starts.set(name, () => release.run(app, { ...common, MUSTER_HOST: '127.0.0.1', ...settings }));
    };
    for (const app of ['inventory', 'configs', 'rollouts'] as const) {
      const probe = String(port++);
      add(app, app, probe, { MUSTER_PROBE_PORT: probe });
    }
    const apiPort = String(port++);
    add('api', 'api', apiPort, {
      MUSTER_API_PORT: apiPort,
      MUSTER_ADMIN_TOKEN: adminKey,
      MUSTER_ENROLLMENT_TOKEN: enrollmentToken,
    });
    this.opamp = gateways.map((id) => {
      const [opampPort, probe] = [String(port++), String(port++)];
      add(id, 'gateway', probe, {
        MUSTER_GATEWAY_ID: id,
        MUSTER_OPAMP_PORT: opampPort,
        MUSTER_PROBE_PORT: probe,
      });
      return `ws://127.0.0.1:${opampPort}/v1/opamp`;
    });
    this.url = `http://127.0.0.1:${apiPort}/`;
    this.rest = new RestClient(this.url, adminKey);
  }

  /** Starts all of them at once, on a database that has been migrated or will be, and waits until they are ready. */
  static async start(options: ProcessesOptions): Promise<Processes> {
    const processes = new Processes(options, await freePorts(4 + 2 * options.gateways.length));
    try {
      await Promise.all([...processes.#starts.keys()].map((name) => processes.launch(name)));
      await Promise.all([...processes.#starts.keys()].map((name) => processes.ready(name)));
    } catch (error) {
      await processes.dispose();
      throw error;
    }
    return processes;
  }

  /** Starts one of them (again). */
  async launch(name: string): Promise<void> {
    this.#children.set(name, await this.#starts.get(name)!());
  }

  /** Resolves when it says that it is ready. */
  async ready(name: string): Promise<void> {
    const child = this.child(name);
    for (const deadline = Date.now() + readyWithinMs; ; await sleep(50)) {
      const answer = await fetch(this.#probes.get(name)!).catch(() => null);
      if (answer?.ok) return;
      if (!child.running || Date.now() > deadline)
        throw new Error(`${name} is ${child.state} and not ready:\n${child.output}`);
    }
  }

  child(name: string): Child {
    return this.#children.get(name)!;
  }

  /** SIGTERM, as an orchestrator ends a process. Answers how it ended and how long that took, milliseconds. */
  async stop(name: string): Promise<Exit & { tookMs: number }> {
    const began = performance.now();
    this.child(name).signal('SIGTERM');
    return { ...(await this.child(name).exited), tookMs: performance.now() - began };
  }

  /** Stops all that still run, gateways first. Answers how each ended. */
  async stopAll(): Promise<Record<string, Exit>> {
    const names = [...this.#children.keys()].filter((name) => this.child(name).running).toReversed();
    const exits = await Promise.all(names.map(async (name) => [name, await this.stop(name)] as const));
    return Object.fromEntries(exits.map(([name, { code, signal }]) => [name, { code, signal }]));
  }

  /** What each wrote. */
  get outputs(): Record<string, string> {
    return Object.fromEntries([...this.#children].map(([name, child]) => [name, child.output]));
  }

  /** For afterAll. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => child.killTree()));
  }
}

/** Runs `muster migrate`; answers what it wrote. */
export async function migrate(release: Release, { env }: Backends): Promise<string> {
  const child = await release.command('migrate', { MUSTER_DATABASE_URL: env['MUSTER_DATABASE_URL']! });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`muster migrate ended with ${code}:\n${child.output}`);
  return child.output;
}
