// Puts what production runs into a directory: built processes without source maps, the web UI, the packages that they
// find at run time at the places where they are installed here, and the licences of everything in the bundles.
//   node deploy/production-tree.mjs <directory>
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = process.argv[2];
if (target === undefined) throw new Error('usage: node deploy/production-tree.mjs <directory>');

const processes = ['gateway', 'inventory', 'configs', 'rollouts', 'api', 'muster'];
const read = (path) => readFileSync(join(root, path), 'utf8');
const copy = (path, filter = () => true) =>
  cpSync(join(root, path), join(target, path), { recursive: true, dereference: true, filter });

const builds = processes.map((app) => JSON.parse(read(`apps/${app}/dist/packages.json`)));
mkdirSync(target, { recursive: true });
for (const app of processes) copy(`apps/${app}/dist`, (path) => !path.endsWith('.map'));
copy('apps/muster/bin');
copy('apps/web/dist');
copy('LICENSE');
const { name, version, license } = JSON.parse(read('package.json'));
writeFileSync(
  join(target, 'package.json'),
  `${JSON.stringify({ name, version, private: true, license, type: 'module' }, null, 2)}\n`,
);

const atRunTime = builds.flatMap((build) => build.atRunTime.map(({ path }) => path));
for (const path of withDependencies(atRunTime)) copy(path, isForThisPlatform);
const bundled = builds.flatMap((build) => build.bundled);
writeFileSync(join(target, 'third-party-licences.txt'), licencesOf(bundled));

/** Packages and all that they depend on, each at the place where Node finds it from the one that needs it. */
function withDependencies(paths) {
  const found = new Set();
  const add = (path) => {
    if (found.has(path)) return;
    found.add(path);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(read(`${path}/package.json`));
    for (const dependency of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = placeOf(dependency, path);
      if (place !== null) add(place);
      else if (!(dependency in optionalDependencies))
        throw new Error(`${path} needs ${dependency}, which is not installed: run npm ci`);
    }
  };
  for (const path of paths) add(path);
  return found;
}

function placeOf(dependency, from) {
  for (let directory = from; ; directory = dirname(directory)) {
    const place = join(directory, 'node_modules', dependency);
    if (existsSync(join(root, place, 'package.json'))) return place;
    if (directory === '.') return null;
  }
}

/** Not: sources, tests and documents, and native code for another platform or another Node.js (`…_<platform>_<arch>_<abi>.node`). */
function isForThisPlatform(path) {
  if (path.endsWith('.node'))
    return path.endsWith(`_${process.platform}_${process.arch}_${process.versions.modules}.node`);
  if (/licen[cs]e/i.test(path)) return true;
  return !/\.([cm]?tsx?|map|md)$|\/(test|test-[a-z]+|tests|benchmark|examples|docs)$/.test(path);
}

function licencesOf(packages) {
  const texts = new Map(packages.map(({ name: of, version: is, path }) => [`${of} ${is}`, licenceIn(path)]));
  return [...texts]
    .toSorted()
    .map(([of, text]) => `${of}\n\n${text}\n`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceIn(path) {
  const file = readdirSync(join(root, path)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
  return file
    ? read(join(path, file)).trim()
    : `Licence: ${JSON.parse(read(`${path}/package.json`)).license}`;
}
