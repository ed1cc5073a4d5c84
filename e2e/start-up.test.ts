import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { oldNode } from './harness/binaries.ts';
import type { Child } from './harness/child.ts';
import { occupyPort } from './harness/occupied-port.ts';
import { freshSettings, modes, Muster, repository, runMuster, userEnvironment } from './harness/muster.ts';

const commandLine = join(repository, 'apps/muster/bin/muster.mjs');

describe.skipIf(!modes.includes('all-in-one'))('npm start', () => {
  test('is ready within 15 s', async () => {
    const begun = performance.now();
    const muster = await Muster.start({ mode: 'all-in-one' });
    expect(performance.now() - begun).toBeLessThan(15_000);
    await muster.dispose();
  });
});

describe.each(modes)('a start that cannot work says why in one line, %s', (mode) => {
  let workDir: string;

  beforeAll(async () => {
    workDir = await mkdtemp(join(tmpdir(), 'muster-e2e-'));
  });
  afterAll(() => rm(workDir, { recursive: true, force: true }));

  /** Expects exit code 1 and one line that names the cause and, in other words, the way out. */
  async function expectRefusal(child: Child, cause: RegExp, wayOut: RegExp): Promise<void> {
    await vi.waitFor(() => expect(child.running).toBe(false), { timeout: 20_000, interval: 50 });
    const { code } = await child.exited;
    expect(child.output.trimEnd().split('\n')).toEqual([expect.stringMatching(cause)]);
    expect(child.output).toMatch(wayOut);
    expect(code).toBe(1);
  }

  const started: Child[] = [];
  async function start(settings: Record<string, string>): Promise<Child> {
    const child = await runMuster(mode, {
      ...(await freshSettings(join(workDir, randomUUID()))),
      ...settings,
    });
    started.push(child);
    return child;
  }
  afterEach(() => Promise.all(started.splice(0).map((child) => child.killTree())));

  test('a second start on the same data directory', async () => {
    const muster = await Muster.start({ mode });
    try {
      const second = await start({ MUSTER_DATA_DIR: muster.dataDir });
      await expectRefusal(second, /another Muster runs on the data directory/, /MUSTER_DATA_DIR/);
      expect(await muster.rest.agents()).toEqual([]);
    } finally {
      await muster.dispose();
    }
  });

  test.each(['MUSTER_OPAMP_PORT', 'MUSTER_API_PORT'])('a taken port: %s', async (setting) => {
    const { port, release } = await occupyPort();
    try {
      await expectRefusal(
        await start({ [setting]: String(port) }),
        new RegExp(`port ${port}`),
        new RegExp(setting),
      );
    } finally {
      await release();
    }
  });

  test('a data directory that cannot be made, below a file', async () => {
    const file = join(workDir, 'file');
    await writeFile(file, '');
    await expectRefusal(
      await start({ MUSTER_DATA_DIR: join(file, 'data') }),
      /the data directory .*file.* cannot/,
      /MUSTER_DATA_DIR/,
    );
  });

  test('a data directory on a file system that takes no files', async () => {
    await expectRefusal(
      await start({ MUSTER_DATA_DIR: '/proc/muster' }),
      /the data directory \/proc\/muster cannot/,
      /MUSTER_DATA_DIR/,
    );
  });

  test.each([
    ['MUSTER_OPAMP_PORT', 'eighty', /whole number from 0 to 65535/],
    ['MUSTER_API_PORT', '70000', /whole number from 0 to 65535/],
    ['MUSTER_ADMIN_TOKEN', 'short', /at least 16 characters/],
    ['MUSTER_OPAMP_PROT', '4320', /not a setting.*docs\/settings\.md/],
  ])('a bad value: %s=%s', async (setting, value, wayOut) => {
    const child = await start({ [setting]: value });
    await expectRefusal(child, new RegExp(setting), wayOut);
    expect(child.output).not.toContain(value); // it may be a secret
  });
});

describe.skipIf(!oldNode.found)('Node that is too old', () => {
  test('is named, with the version that is needed', () => {
    if (!oldNode.found) throw new Error(oldNode.reason);
    const { status, stdout, stderr } = spawnSync(oldNode.paths.node, [commandLine, 'start'], {
      encoding: 'utf8',
      env: userEnvironment(),
    });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^muster: Node\.js \S+ is too old: .*npm start.*Node\.js 22.*\n$/);
    expect(status).toBe(1);
  });
});
