import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Backends } from './harness/backends.ts';
import { imageTools } from './harness/binaries.ts';
import { showOnFailure } from './harness/failure.ts';
import { fakeAgent, uidOf } from './harness/fleet.ts';
import { Image } from './harness/image.ts';
import { repository } from './harness/muster.ts';
import { migrate, Processes } from './harness/processes.ts';

const largestBytes = 350 * 1_000_000;
const apps = ['gateway', 'inventory', 'configs', 'rollouts', 'api', 'muster'];

interface Packages {
  bundled: { name: string; version: string; path: string }[];
  atRunTime: { name: string; version: string; path: string }[];
  goneWithout: string[];
}

const readJson = <T>(...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8')) as T;
const locked = readJson<{ packages: Record<string, { version: string; dev?: boolean }> }>(
  repository,
  'package-lock.json',
).packages;
const packagesOf = (root: string, app: string) => readJson<Packages>(root, 'apps', app, 'dist/packages.json');

describe.skipIf(!imageTools.found)('the production image', () => {
  let image: Image;
  let root: string;

  beforeAll(() => {
    image = Image.build();
    root = join(image.root, 'muster');
  }, 900_000);
  afterAll(() => image?.dispose());

  test('is small, and holds neither tests nor sources nor what only development needs', () => {
    process.stdout.write(`\nproduction image: ${(image.size / 1e6).toFixed(0)} MB\n`);
    expect(image.size).toBeLessThan(largestBytes);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /\.(ts|tsx|map)$|\.test\.|\.setup\./.test(file))).toEqual([]);
    const packages = files.flatMap((file) => /^(.*node_modules\/(@[^/]+\/)?[^/@]+)$/.exec(file)?.[1] ?? []);
    expect(packages.length).toBeGreaterThan(0);
    for (const path of packages)
      expect({ path, dev: locked[path]?.dev ?? false }).toEqual({ path, dev: false });
    expect(packages.filter((path) => /postgres|node_modules\/node$/.test(path))).toEqual([]);
    const nodes = readdirSync(image.root, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /(^|\/)bin\/node$/.test(file),
    );
    expect(nodes).toEqual(['usr/local/bin/node']);
  });

  test.each(apps)(
    '%s finds everything it imports, in the version that the lock gives to who imports it',
    (app) => {
      const { atRunTime, bundled, goneWithout } = packagesOf(root, app);
      const here = packagesOf(repository, app);
      expect({ atRunTime, bundled }).toEqual({ atRunTime: here.atRunTime, bundled: here.bundled });
      for (const { path, version } of [...atRunTime, ...bundled])
        expect({ path, version }).toEqual({ path, version: locked[path]?.version });

      const dist = join(root, 'apps', app, 'dist');
      for (const file of readdirSync(dist).filter((name) => name.endsWith('.js'))) {
        for (const { specifier, isStatic } of importsOf(join(dist, file))) {
          const found = packageIn(image.root, dist, specifier);
          if (found === null) {
            const known = !isStatic && goneWithout.some((name) => `${specifier}/`.startsWith(`${name}/`));
            expect({ file, specifier, known }).toEqual({ file, specifier, known: true });
            continue;
          }
          const path = relative(root, found);
          const { version } = readJson<{ version: string }>(found, 'package.json');
          expect({ file, path, version }).toEqual({ file, path, version: locked[path]?.version });
          expect(atRunTime.map((one) => one.path)).toContain(path);
        }
      }
    },
  );

  describe('on real backends, read-only and as uid 1000', () => {
    let backends: Backends;
    let processes: Processes;

    showOnFailure(() => processes?.outputs ?? {});
    beforeAll(async () => {
      backends = await Backends.start();
    }, 120_000);
    afterAll(async () => {
      await processes?.dispose();
      await backends?.dispose();
    });

    test('starts: an agent enrols and takes a configuration, and all processes end with 0', async () => {
      expect(await migrate(image, backends)).toContain('Migrated');
      const began = performance.now();
      processes = await Processes.start({ backends, release: image, gateways: ['gateway-1'] });
      process.stdout.write(
        `all five processes ready after ${((performance.now() - began) / 1_000).toFixed(1)} s\n`,
      );
      const agent = fakeAgent(processes);
      await agent.start();
      await processes.rest.post('configurations', { name: 'edge', body: 'receivers: {}\n' });
      await processes.rest.put('fleets/all', { selector: '', configuration: 'edge' });
      await expect
        .poll(() => processes.rest.agent(uidOf(agent)), { timeout: 30_000 })
        .toMatchObject({
          status: 'connected',
          configuration: { status: 'applied', current: { version: 1 } },
        });
      expect(agent.offers.map(({ files }) => files[''])).toEqual(['receivers: {}\n']);
      const page = await fetch(processes.url);
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<div id="root">')]);
      await agent.stop();
      const exits = await processes.stopAll();
      expect(exits).toEqual(
        Object.fromEntries(Object.keys(exits).map((name) => [name, { code: 0, signal: null }])),
      );
    });
  });
});

interface Import {
  specifier: string;
  /** Node finds it before anything runs, or not at all. */
  isStatic: boolean;
}

/** Everything that a built file imports or requires from outside of its folder, by literal name. */
function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const add = (source: unknown, isStatic: boolean) => {
    const specifier = (source as { value?: unknown } | undefined)?.value;
    if (typeof specifier !== 'string' || /^[./]|^node:/.test(specifier) || builtinModules.includes(specifier))
      return;
    found.push({ specifier, isStatic });
  };
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null) return;
    const { type, source, callee, arguments: words } = node as Record<string, unknown>;
    if (source && (type === 'ImportDeclaration' || String(type).startsWith('Export'))) add(source, true);
    if (type === 'ImportExpression') add(source, false);
    if (type === 'CallExpression' && /^(__)?require$/.test(String((callee as { name?: string }).name)))
      add((words as unknown[])[0], false);
    Object.values(node).forEach(visit);
  };
  visit(parseAst(readFileSync(file, 'utf8')).body);
  return found;
}

/** The directory of the package that Node finds from `from`, without a look above `root`; null: none. */
function packageIn(root: string, from: string, specifier: string): string | null {
  const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];
  for (let directory = from; ; directory = dirname(directory)) {
    const place = join(directory, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return place;
    if (directory === root) return null;
  }
}
