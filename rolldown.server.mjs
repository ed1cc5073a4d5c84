// Builds one server process with every package it uses: what runs is what the lock gives to the workspace that
// imports it, wherever the process is put; what it runs in threads is a file of its own beside it (docs/adr/0026-what-is-bundled.md).
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, relative } from 'node:path';
import { defineConfig } from 'rolldown';

const root = import.meta.dirname;
const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;

/** Found in node_modules at run time: native code, and what loads files of its own. deploy/production-tree.mjs puts it into the image. */
const atRunTime = ['piscina', 'uWebSockets.js'];

/** Parts that packages look for and Muster goes without. Whatever else cannot be found fails the build. */
const goneWithout = [
  '@fastify/multipart',
  '@fastify/view',
  '@nestjs/microservices',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify/multipart',
  '@nestjs/websockets',
  '@valkey/valkey-glide',
  'bufferutil',
  'class-transformer',
  'class-validator',
  'pg-native',
  'utf-8-validate',
];

const reports = { 'reports.worker': '../../libs/agents/src/reports.worker.ts' };
const texts = { 'texts.worker': '../../libs/configs/src/texts.worker.ts' };
const workers = {
  inventory: reports,
  configs: texts,
  rollouts: texts,
  api: texts,
  muster: { ...reports, ...texts },
};

export default defineConfig({
  input: { main: 'src/main.ts', ...workers[basename(process.cwd())] },
  platform: 'node',
  tsconfig: '../../tsconfig.base.json',
  transform: { target: 'node22' },
  plugins: [lockedPackages()],
  onLog(level, log, report) {
    const missing = /Could not resolve '([^']+)'/.exec(log.message)?.[1];
    if (missing !== undefined && isOneOf(goneWithout, missing)) return;
    report(level === 'warn' ? 'error' : level, log);
  },
  output: { dir: 'dist', format: 'esm', sourcemap: true, cleanDir: true },
});

/**
 * Sees to it that the process runs the versions of package-lock.json, and writes them down in
 * dist/packages.json: `bundled` and `atRunTime`, each a list of `{ name, version, path }`, and `goneWithout`, names.
 *
 * @returns {import('rolldown').Plugin}
 */
function lockedPackages() {
  const external = new Map();
  return {
    name: 'locked-packages',
    resolveId: {
      filter: { id: new RegExp(`^(${atRunTime.map((name) => name.replaceAll('.', '\\.')).join('|')})(/|$)`) },
      handler(id, importer) {
        const name = atRunTime.find((known) => isOneOf([known], id));
        const wanted = packageAt(directoryFrom(importer, name));
        const found = packageAt(directoryFrom(join(process.cwd(), 'dist', 'main.js'), name));
        if (wanted.path !== found.path)
          this.error(
            `${name} ${wanted.version} is what ${relative(root, importer)} imports, and ${found.version} is what dist/main.js finds: depend on the one version in package.json of this app`,
          );
        external.set(wanted.path, wanted);
        return { id, external: true };
      },
    },
    generateBundle(_options, bundle) {
      const bundled = new Map();
      for (const chunk of Object.values(bundle)) {
        for (const module of chunk.type === 'chunk' ? chunk.moduleIds : []) {
          const directory = packageDirectoryOf(module);
          if (directory !== null) bundled.set(directory, packageAt(directory));
        }
      }
      const list = (packages) => [...packages.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
      this.emitFile({
        type: 'asset',
        fileName: 'packages.json',
        source: `${JSON.stringify({ bundled: list(bundled), atRunTime: list(external), goneWithout }, null, 2)}\n`,
      });
    },
  };
}

/** A package of these, or a part of one. */
function isOneOf(names, id) {
  return names.some((name) => id === name || id.startsWith(`${name}/`));
}

/** The published package that a module belongs to; null: our own code. */
function packageDirectoryOf(module) {
  const match = /^.*\/node_modules\/(@[^/]+\/)?[^/]+(?=\/)/.exec(
    module.replace(/^\0/, '').replace(/\?.*$/, ''),
  );
  return match && existsSync(join(match[0], 'package.json')) ? match[0] : null;
}

/** The directory of a package, as `from` finds it. */
function directoryFrom(from, name) {
  const places = createRequire(from)
    .resolve.paths(name)
    .map((place) => join(place, name));
  const found = places.find((place) => existsSync(join(place, 'package.json')));
  if (found === undefined) throw new Error(`${name} is not installed for ${from}: run npm ci`);
  return realpathSync(found);
}

/** What is installed there; it must be what the lock says. */
function packageAt(directory) {
  const path = relative(root, directory);
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const { version: wanted, name } = locked[path] ?? {};
  if (version !== wanted)
    throw new Error(
      `${path} is ${version}, and package-lock.json wants ${wanted ?? 'none'} there: run npm ci`,
    );
  return { name: name ?? path.slice(path.lastIndexOf('node_modules/') + 13), version, path };
}
