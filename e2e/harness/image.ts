import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { repository, userEnvironment } from './muster.ts';
import type { App, Release } from './processes.ts';

const buildScript = fileURLToPath(new URL('../image/build.mjs', import.meta.url));
const storage = join(repository, '.cache/image');
const reference = 'localhost/muster';
/** crun takes cgroups of one version; a machine that has both has the second one here. */
const secondCgroups = '/sys/fs/cgroup/unified';

/** The production image, built from deploy/Dockerfile; runs processes as the manifests do. */
export class Image implements Release {
  /** The image's file system, for reading. */
  readonly root: string;
  /** Bytes. */
  readonly size: number;
  readonly #home: string;
  readonly #names: string[] = [];

  private constructor(home: string) {
    this.#home = home;
    this.size = Number(this.#podman('image', 'inspect', reference, '--format', '{{.Size}}'));
    this.root = this.#podman('image', 'mount', reference);
  }

  /** Builds it, which takes minutes. */
  static build(): Image {
    const { status, stdout, stderr } = spawnSync(process.execPath, [buildScript], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the image could not be built:\n${(stdout + stderr).slice(-6_000)}`);
    const home = mkdtempSync(join(tmpdir(), 'muster-e2e-image-'));
    // podman asks for more than some machines let anybody have
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const limit = (name: string) => {
      const hard = Number(new RegExp(`^${name} +\\S+ +(\\d+)`, 'm').exec(limits)?.[1] ?? Infinity);
      const most = Math.min(hard, 20_000);
      return `${most}:${most}`;
    };
    writeFileSync(
      join(home, 'containers.conf'),
      `[containers]\ndefault_ulimits=["nofile=${limit('Max open files')}","nproc=${limit('Max processes')}"]\n`,
    );
    return new Image(home);
  }

  /** Runs what the manifest of this part runs. */
  run(app: App, env: Record<string, string>): Promise<Child> {
    return this.#run(commandOf(app), env);
  }

  command(command: string, env: Record<string, string>): Promise<Child> {
    return this.#run(['muster', command], env);
  }

  /** For afterAll. */
  dispose(): void {
    for (const name of this.#names) this.#podman('rm', '--force', '--ignore', name);
    this.#podman('image', 'unmount', reference);
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Read-only, not root and without capabilities, as k8s/base says; on this machine's network. */
  #run(command: string[], env: Record<string, string>): Promise<Child> {
    const name = `muster-e2e-${process.pid}-${this.#names.length}`;
    this.#names.push(name);
    const settings = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    const readOnly = ['--read-only', '--read-only-tmpfs=false', '--network', 'host', '--cgroups=disabled'];
    const restricted = ['--user', '1000', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'];
    const words = [
      'run',
      '--rm',
      '--name',
      name,
      ...readOnly,
      ...restricted,
      ...settings,
      reference,
      ...command,
    ];
    const [program, ...rest] = withOneCgroupVersion(this.#commandLine(words));
    return Child.start(program!, rest, { cwd: repository, env: this.#env });
  }

  #podman(...words: string[]): string {
    const [program, ...rest] = this.#commandLine(words);
    const { status, stdout, stderr, error } = spawnSync(program!, rest, { encoding: 'utf8', env: this.#env });
    if (status !== 0) throw new Error(`podman ${words.slice(0, 2).join(' ')}: ${error?.message ?? stderr}`);
    return stdout.trim();
  }

  #commandLine(words: string[]): string[] {
    const places = ['--root', join(storage, 'storage'), '--runroot', join(storage, 'storage-run')];
    return ['podman', ...places, '--cgroup-manager', 'cgroupfs', '--runtime', 'crun', ...words];
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...userEnvironment(), CONTAINERS_CONF: join(this.#home, 'containers.conf') };
  }
}

function withOneCgroupVersion(command: string[]): string[] {
  if (!existsSync(secondCgroups)) return command;
  return ['unshare', '-m', 'sh', '-c', `umount ${secondCgroups}; exec "$@"`, 'sh', ...command];
}

/** What k8s/base runs as this part. */
function commandOf(app: App): string[] {
  for (const file of ['gateway.yaml', 'services.yaml', 'api.yaml']) {
    const manifest = readFileSync(join(repository, 'k8s/base', file), 'utf8');
    const command = new RegExp(`- name: ${app}\\n +image: muster\\n +command: \\[(.+)\\]`).exec(
      manifest,
    )?.[1];
    if (command !== undefined) return command.split(', ');
  }
  throw new Error(`k8s/base runs no ${app}`);
}
