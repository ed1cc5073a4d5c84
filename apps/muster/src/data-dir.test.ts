import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
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

it('says what is wrong with a place that cannot be written', async () => {
  await writeFile(join(base, 'file'), '');
  await expect(claimDataDir(join(base, 'file', 'dir'))).rejects.toThrow(
    /cannot be written \(ENOTDIR\): make it writable or set MUSTER_DATA_DIR/,
  );
});

it('does not hang where nothing can be made', async () => {
  await expect(claimDataDir('/proc/muster')).rejects.toThrow(/cannot be written/);
});
