import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const buildScript = fileURLToPath(new URL('../real-collector/build.mjs', import.meta.url));
const built = fileURLToPath(new URL('../../.cache/bin', import.meta.url));
const mustRunAll = process.env['CI'] === 'true';

/** Binaries that a test runs for real, or why they are not there. */
export type Found<Name extends string> =
  { found: true; paths: Record<Name, string> } | { found: false; reason: string };

/**
 * The upstream supervisor, a collector and an older one: from MUSTER_BIN_DIR, `.cache/bin` or PATH, else built with Go.
 * Without them tests are skipped and the reason is printed; in CI that is a failure.
 */
export const realCollector = locate(
  ['opampsupervisor', 'otelcol', 'otelcol-previous'],
  'tests with a real collector',
);

/** An agent on the reference library's client; built anew when its source has changed. */
export const referenceClient = locateReferenceClient();

/** k6, for load. */
export const k6 = locate(['k6'], 'load by k6');

/** The nats-server that the end-to-end tests of the cluster prefer; null: the cluster looks for one itself. */
export const natsServer = find('nats-server');

/** Chromium, for tests of the web UI. */
export const chromium = locateChromium();

/** A Node.js that is too old for Muster, as Debian has it. */
export const oldNode = locateOldNode();

/** What builds and runs the production image without Docker. */
export const imageTools = locateImageTools();

function locate<Name extends string>(names: Name[], what: string): Found<Name> {
  const present = findAll(names);
  if (present !== null) return { found: true, paths: present };
  const problem = build(names);
  const paths = findAll(names);
  return paths ? { found: true, paths } : missing(`${what}: ${problem}`);
}

function locateReferenceClient(): Found<'reference-client'> {
  const problem = build(['reference-client']);
  const path = join(built, 'reference-client');
  return problem === '' && isExecutable(path)
    ? { found: true, paths: { 'reference-client': path } }
    : missing(`tests with the reference client: ${problem}`);
}

/** Runs the build script; answers its last words when it failed. */
function build(names: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [buildScript, ...names], { encoding: 'utf8' });
  return status === 0 ? '' : (stderr.trim().split('\n').at(-1) ?? '');
}

function locateChromium(): Found<'chromium'> {
  const path = process.env['CHROMIUM_PATH'] ?? find('chromium');
  return path
    ? { found: true, paths: { chromium: path } }
    : missing('tests of the web UI: no chromium in PATH; install it or set CHROMIUM_PATH');
}

function locateImageTools(): Found<'podman'> {
  const what = 'tests of the production image';
  if (process.getuid?.() !== 0) return missing(`${what}: they need root`);
  const absent = ['buildah', 'podman', 'crun', 'mmdebstrap'].filter((name) => find(name) === null);
  return absent.length === 0
    ? { found: true, paths: { podman: find('podman')! } }
    : missing(`${what}: no ${absent.join(', ')} in PATH`);
}

function locateOldNode(): Found<'node'> {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'node'));
  const old = candidates.filter(isExecutable).find((path) => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    return Number(/^v(\d+)/.exec(stdout)?.[1]) < 22;
  });
  return old
    ? { found: true, paths: { node: old } }
    : missing('the test that refuses an old Node.js: no Node.js before 22 in PATH');
}

function missing(reason: string): { found: false; reason: string } {
  if (mustRunAll) throw new Error(`in CI nothing is skipped, but ${reason}`);
  process.stdout.write(`skipped, ${reason}\n`);
  return { found: false, reason };
}

function findAll<Name extends string>(names: Name[]): Record<Name, string> | null {
  const paths = names.map((name) => [name, find(name)] as const);
  return paths.every(([, path]) => path !== null)
    ? (Object.fromEntries(paths) as Record<Name, string>)
    : null;
}

function find(name: string): string | null {
  const dirs = [process.env['MUSTER_BIN_DIR'], built, ...(process.env['PATH'] ?? '').split(delimiter)];
  return (
    dirs
      .filter((dir) => dir)
      .map((dir) => join(dir as string, name))
      .find(isExecutable) ?? null
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
