import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Child } from './child.ts';
import { repository, userEnvironment } from './muster.ts';

/** Beside the repository's own, where hard links to it can be made. */
const cache = join(repository, '.cache');

/** Somebody who runs Muster on a machine. */
export interface Person {
  name: string;
  uid: number;
  /** What `setpriv` is told, to become them. */
  privileges: string[];
}

/** Root as a container has it: the capabilities that Docker leaves. */
export const containerRoot: Person = {
  name: 'root with the capabilities of a container',
  uid: 0,
  privileges: [
    '--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+sys_chroot,+mknod,+audit_write,+setfcap',
    '--inh-caps=-all',
  ],
};

/** Root with no more than it needs to start something as somebody else. */
export const bareRoot: Person = {
  name: 'root that may change users and no more',
  uid: 0,
  privileges: ['--bounding-set=-all,+setgid,+setuid', '--inh-caps=-all'],
};

export const ordinaryUser: Person = {
  name: 'an ordinary user',
  uid: 1_000,
  privileges: ['--reuid=1000', '--regid=1000', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'],
};

/** A checkout in a home of its person's own, which nobody else may enter. */
export class Checkout {
  readonly person: Person;
  readonly home: string;
  /** The checkout itself; what is in it belongs to root. */
  readonly path: string;

  private constructor(person: Person, home: string) {
    this.person = person;
    this.home = home;
    this.path = join(home, 'muster');
  }

  /** This repository with its packages and what is built, as hard links. */
  static copyFor(person: Person): Checkout {
    const checkout = new Checkout(person, newHome(person));
    const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: repository,
      encoding: 'utf8',
    });
    const parts = new Set(
      tracked
        .trim()
        .split('\n')
        .map((path) => path.split('/')[0]!),
    );
    mkdirSync(join(checkout.path, '.cache'), { recursive: true });
    const linked = [...parts, 'node_modules'].map((part) => join(repository, part)).filter(existsSync);
    execFileSync('cp', ['-al', ...linked, checkout.path]);
    for (const note of ['built', 'installed']) {
      if (existsSync(join(cache, note))) cpSync(join(cache, note), join(checkout.path, '.cache', note));
    }
    // where Vite puts what it makes of its configuration
    const scratch = join(checkout.path, 'node_modules/.vite-temp');
    mkdirSync(scratch, { recursive: true });
    chownSync(scratch, person.uid, person.uid);
    return checkout;
  }

  /** What `git clone` of this repository gives, with what is not committed yet. */
  static clone(): Checkout {
    const checkout = new Checkout(containerRoot, newHome(containerRoot));
    const git = (...words: string[]) => execFileSync('git', words, { cwd: repository, encoding: 'utf8' });
    git('clone', '--quiet', '--depth=1', `file://${repository}`, checkout.path);
    for (const path of git('ls-files', '-mo', '--exclude-standard').trim().split('\n')) {
      const from = join(repository, path);
      if (path === '' || !existsSync(from)) continue;
      mkdirSync(dirname(join(checkout.path, path)), { recursive: true });
      cpSync(from, join(checkout.path, path));
    }
    return checkout;
  }

  /** Runs a command there, as its person. */
  run(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Child> {
    return Child.start('setpriv', [...this.person.privileges, ...command], {
      cwd: this.path,
      env: { ...userEnvironment(), HOME: this.home, ...env },
    });
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

function newHome({ uid }: Person): string {
  mkdirSync(cache, { recursive: true });
  const home = mkdtempSync(join(cache, 'home-'));
  chownSync(home, uid, uid);
  chmodSync(home, 0o700);
  return home;
}
