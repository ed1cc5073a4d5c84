import { spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareRoot, Checkout, containerRoot, ordinaryUser } from './harness/checkout.ts';
import type { Child } from './harness/child.ts';
import { showOnFailure } from './harness/failure.ts';
import { cutAll, startFakeAgents, uidOf } from './harness/fleet.ts';
import { freshSettings, Muster, userEnvironment } from './harness/muster.ts';

const start = ['npm', 'run', '--silent', 'start'];

/** Command lines of the processes that work below a directory. */
function processesBelow(directory: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || !readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      return []; // ended meanwhile
    }
  });
}

describe.each([containerRoot, ordinaryUser])('in a directory closed to others, $name', (person) => {
  let checkout: Checkout;
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(async () => {
    checkout = Checkout.copyFor(person);
    muster = await Muster.start({
      mode: 'all-in-one',
      env: { MUSTER_DATA_DIR: join(checkout.home, 'the data') },
      run: (settings) => checkout.run(start, settings),
      provokes: /^Killed$/, // npm's shell about the command that the test kills
    });
  });
  afterAll(async () => {
    await muster?.dispose();
    checkout?.remove();
  });

  test('npm start is ready with nothing to do before, and takes agents', async () => {
    expect(muster.output).not.toMatch(/installing|building/);
    const [agent] = await startFakeAgents(muster, 1);
    await expect
      .poll(() => muster.rest.agents())
      .toEqual([expect.objectContaining({ uid: uidOf(agent!), status: 'connected' })]);
    await cutAll([agent!]);
  });

  test('data and secrets are nobody else’s', () => {
    for (const name of ['.', 'postgres']) {
      expect(statSync(join(muster.dataDir, name)).mode & 0o777, name).toBe(0o700);
    }
    for (const name of ['admin-key', 'supervisor.yaml', 'postgres-password']) {
      const { mode, uid } = statSync(join(muster.dataDir, name));
      expect({ mode: mode & 0o777, uid }, name).toEqual({ mode: 0o600, uid: person.uid });
    }
  });

  test('after Ctrl-C and a second start everything is there', async () => {
    await muster.stop();
    await muster.startAgain();
    expect(await muster.rest.agents()).toHaveLength(1);
  });

  test('kill -9 of the command leaves no process, and the next start recovers', async () => {
    const main = muster.processes('main');
    expect(main).toHaveLength(1);
    process.kill(main[0]!, 'SIGKILL');
    await expect.poll(() => processesBelow(checkout.home), { timeout: 8_000 }).toEqual([]);
    await muster.startAgain();
    expect(await muster.rest.agents()).toHaveLength(1);
  });

  test('so does kill -9 of npm', async () => {
    muster.signal('SIGKILL');
    await expect.poll(() => processesBelow(checkout.home), { timeout: 15_000 }).toEqual([]);
    await muster.startAgain();
    expect(await muster.rest.agents()).toHaveLength(1);
  });

  test('integration tests run there', async () => {
    const tests = ['libs/db/src/pool.int.test.ts', 'libs/db/src/transaction.int.test.ts'];
    const run = await checkout.run(['npx', 'vitest', 'run', '--project', 'int', ...tests], { CI: 'true' });
    const { code } = await run.exited;
    expect(run.output).toMatch(/Tests .*\d+ passed/);
    expect(code, run.output).toBe(0);
  });
});

test('root that may not keep data for another user is told so in one line', async () => {
  const checkout = Checkout.copyFor(bareRoot);
  try {
    const child = await checkout.run(start, await freshSettings(join(checkout.home, 'data')));
    expect(await child.exited).toMatchObject({ code: 1 });
    expect(child.output).toMatch(/^muster: .* \(EPERM\): .*CHOWN and DAC_OVERRIDE.*ordinary user\n$/);
  } finally {
    checkout.remove();
  }
});

describe('a fresh clone', () => {
  let clone: Checkout;
  let muster: Muster;

  showOnFailure(() => ({ muster: muster?.output }));
  beforeAll(() => {
    clone = Checkout.clone();
  });
  afterAll(async () => {
    await muster?.dispose();
    clone?.remove();
  });

  /** `npm start`, which installs and builds before. */
  async function npmStart(settings: Record<string, string>): Promise<Child> {
    return clone.run(start, { ...settings, npm_config_prefer_offline: 'true' });
  }

  test('npm start is enough', { timeout: 400_000 }, async () => {
    muster = await Muster.start({
      mode: 'all-in-one',
      env: await freshSettings(join(clone.home, 'data')),
      run: npmStart,
      readyWithinMs: 360_000,
    });
    expect(muster.output).toMatch(
      /installing packages .*minute.*\n.*done in \d+ s\n.*building .*\n.*done in \d+ s\n/,
    );
    expect(await muster.rest.agents()).toEqual([]);
    await muster.stop();
  });

  test('the next one finds nothing to do, in no time', async () => {
    const env = { ...userEnvironment(), PATH: `${clone.path}/node_modules/.bin:${process.env['PATH']}` };
    const times = Array.from({ length: 5 }, () => {
      const begun = performance.now();
      const { stdout, stderr, status } = spawnSync('node', ['setup.mjs'], {
        cwd: clone.path,
        env,
        encoding: 'utf8',
      });
      expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
      return performance.now() - begun;
    });
    // a fifth of a second on a quiet machine; other tests have this one too
    expect(Math.min(...times)).toBeLessThan(400);
    await muster.startAgain();
    expect(muster.output).not.toMatch(/installing|building/);
  });

  test('a changed source is built', async () => {
    await muster.stop();
    appendFileSync(join(clone.path, 'apps/muster/src/banner.ts'), "\nprocess.stdout.write('changed\\n');\n");
    await muster.startAgain();
    expect(muster.output).toMatch(/building .*\n.*done in \d+ s\n[^]*changed\n/);
    expect(muster.output).not.toMatch(/installing/);
  });
});
