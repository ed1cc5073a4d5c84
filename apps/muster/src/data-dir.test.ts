import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { claimDataDir, DataDirUnusable } from './data-dir.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'muster-data-dir-'));
});
afterEach(() => rm(base, { recursive: true }));

it('makes the directory for its owner alone', async () => {
  const claim = await claimDataDir(join(base, 'new', 'dir'));
  expect((await stat(claim.path)).mode & 0o777).toBe(0o700);
  await claim.stop();
});

it('is given to one at a time', async () => {
  const first = await claimDataDir(base);
  await expect(claimDataDir(join(base, '.'))).rejects.toThrow(
    /another Muster runs on the data directory .*MUSTER_DATA_DIR/,
  );
  await first.stop();
  await (await claimDataDir(base)).stop();
});

it('is free again after its holder was killed', async () => {
  const holder = spawn(
    process.execPath,
    [
      '-e',
      `import(${JSON.stringify(new URL('./data-dir.ts', import.meta.url).href)}).then(async (m) => {
      await m.claimDataDir(${JSON.stringify(base)});
      console.log('held');
      setInterval(() => {}, 1000);
    })`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(holder.stdout, 'data');
  await expect(claimDataDir(base)).rejects.toThrow(DataDirUnusable);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await (await claimDataDir(base)).stop();
});

it.each([
  ['with a long path', () => join(base, 'd'.repeat(120), 'e'.repeat(120))],
  ['with a space in its path', () => join(base, 'the data')],
  ['where no temporary file can be made', () => (vi.stubEnv('TMPDIR', '/proc/none'), join(base, 'data'))],
])('is given to one at a time %s', async (_, path) => {
  const first = await claimDataDir(path());
  await expect(claimDataDir(path())).rejects.toThrow(/another Muster runs on the data directory/);
  await first.stop();
  await (await claimDataDir(path())).stop();
  vi.unstubAllEnvs();
});

it('says what is wrong with a place that cannot be written', async () => {
  await writeFile(join(base, 'file'), '');
  await expect(claimDataDir(join(base, 'file', 'dir'))).rejects.toThrow(
    /cannot be written \(ENOTDIR\): make it writable or set MUSTER_DATA_DIR/,
  );
});

it('does not hang where nothing can be made', async () => {
  await expect(claimDataDir('/proc/muster')).rejects.toThrow(/cannot be written/);
});
