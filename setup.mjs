// Before the commands of package.json: installs the packages and builds, when that is missing or out of date.
// Without dependencies, and readable for a Node.js that is too old, so that it can say so. Done or not is told by
// contents: of package-lock.json and what npm noted about node_modules, of the sources and what was built of them.
//
//   node setup.mjs            packages and build
//   node setup.mjs packages   packages alone
//   node setup.mjs build      build alone
import { spawn } from 'child_process';
import { createHash } from 'crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'fs';
import { userInfo } from 'os';
import { delimiter, dirname, join, relative } from 'path';
import { fileURLToPath } from 'url';

const oldestNode = 20;
const here = dirname(fileURLToPath(import.meta.url));
const file = (...path) => join(here, ...path);
const cache = file('.cache');
const lock = join(cache, 'setup.lock');
const builtNote = join(cache, 'built');
const installingNote = join(cache, 'installing');
const installedNote = join(cache, 'installed');
/** Set for what this starts: npm ci calls back here, and must not wait for itself. */
const within = 'SETUP_UNDER_WAY';

class Refusal extends Error {}

async function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < oldestNode) {
    throw new Refusal(
      `Node.js ${process.versions.node} is too old: install Node.js ${oldestNode} or newer (https://nodejs.org, or: nvm install 22)`,
    );
  }
  if (process.env[within]) return;
  const withPackages = process.argv[2] !== 'build';
  const withBuild = process.argv[2] !== 'packages';
  if ((!withPackages || isInstalled()) && (!withBuild || isBuilt())) return;
  takeNote(() => mkdirSync(cache, { recursive: true }));
  await holdLock();
  try {
    // whoever had the lock may have done it
    if (withPackages && !isInstalled()) await install();
    if (withBuild && !isBuilt()) await build();
  } finally {
    remove(lock);
  }
}

// ── packages

function isInstalled() {
  const noted = file('node_modules', '.package-lock.json');
  if (!existsSync(noted)) return false;
  // an interrupted npm ci leaves its note older than ours
  if (existsSync(installingNote) && statSync(installingNote).mtimeMs > statSync(noted).mtimeMs) return false;
  if (existsSync(installedNote) && readFileSync(installedNote, 'utf8') !== platform()) return false;
  const wanted = packagesIn(file('package-lock.json'));
  const found = packagesIn(noted);
  return Object.keys(wanted).every((path) => {
    if (path === '') return true;
    const [want, have] = [wanted[path], found[path]];
    if (!have) return Boolean(want.optional || want.peer);
    return want.version === have.version && want.integrity === have.integrity && existsSync(file(path));
  });
}

function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages || {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

const platform = () => `${process.platform}-${process.arch}\n`;

async function install() {
  takeNote(() => writeFileSync(installingNote, ''));
  const words = ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const node = process.env.npm_node_execpath || process.execPath;
  const [program, args] = npm && /\.c?js$/.test(npm) ? [node, [npm].concat(words)] : ['npm', words];
  const doing = 'installing packages (npm ci: about a minute, 750 MB in node_modules)';
  await step(doing, program, args, (output) => new Refusal(whyNotInstalled(output)));
  takeNote(() => writeFileSync(installedNote, platform()));
  remove(installingNote);
}

/** npm's many lines as one, with the way out. */
function whyNotInstalled(output) {
  const code =
    (/\b(?:code|errno) ([A-Z][A-Z0-9_]+)/.exec(output) || /\b(E[A-Z]{3,}\d*)\b/.exec(output) || [])[1] || '';
  const log = `npm's own words are in ${relative(process.cwd(), logFile) || logFile}`;
  if (/ENOSPC|no space left|EDQUOT/i.test(output)) {
    return `no space is left for ${file('node_modules')}: free 1 GB on that disk and run this again`;
  }
  if (/gyp ERR|node-gyp|not found: make|g\+\+/.test(output)) {
    return `a package wants a compiler: install one (Debian: apt install build-essential python3) and run this again; ${log}`;
  }
  if (/\b(EACCES|EROFS|EPERM)\b/.test(output)) {
    return `${whose()} may not write ${here} or npm's cache (${code}): run this as the owner of both, or set npm_config_cache to a folder that may be written`;
  }
  if (
    /ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET|ENOTCACHED|CERT|FETCH_ERROR|network/.test(
      output,
    )
  ) {
    return `npm cannot reach its registry (${code}): check the network, or name a proxy or a mirror (npm config set proxy …, npm config set registry …) and run this again`;
  }
  if (/\bE40\d\b|\bE5\d\d\b/.test(output)) {
    return `npm's registry refuses (${code}): look at "npm config get registry" and run this again; ${log}`;
  }
  if (/EUSAGE|out of sync|can only install packages when/.test(output)) {
    return 'package.json and package-lock.json do not fit: run npm install, or git checkout package-lock.json';
  }
  return `npm ci failed (${lastLine(output)}): ${log}`;
}

// ── build

function isBuilt() {
  const [contents, times] = readIfThere(builtNote).split('\n');
  if (!contents) return false;
  const files = filesOfBuild();
  // sizes and times tell at once that nothing has changed; contents tell it of a copy and after a git checkout
  if (times === digest(files, sizeAndTime)) return true;
  if (contents !== digest(files, readFileSync)) return false;
  try {
    noteBuilt(files);
  } catch {
    // another user's checkout: they are read again next time
  }
  return true;
}

function noteBuilt(files) {
  writeFileSync(builtNote, `${digest(files, readFileSync)}\n${digest(files, sizeAndTime)}\n`);
}

/** What the build reads, and what it wrote. */
function filesOfBuild() {
  const files = readdirSync(here)
    .filter((name) => /\.(mjs|json)$/.test(name))
    .map((name) => file(name));
  for (const group of ['apps', 'libs']) {
    for (const name of readdirSync(file(group))) {
      collect(file(group, name), files);
      const dist = file(group, name, 'dist');
      if (existsSync(dist)) collect(dist, files);
    }
  }
  return files.sort();
}

function collect(directory, into) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules' && entry.name !== 'dist') collect(path, into);
    } else if (entry.isFile() && !/\.(test\.tsx?|map)$/.test(entry.name)) into.push(path);
  }
}

function digest(paths, ofFile) {
  const hash = createHash('sha256');
  for (const path of paths) {
    hash
      .update(`${relative(here, path)}\0`)
      .update(ofFile(path))
      .update('\0');
  }
  return hash.digest('hex');
}

function sizeAndTime(path) {
  const { size, mtimeMs } = statSync(path);
  return `${size} ${mtimeMs}`;
}

async function build() {
  remove(builtNote);
  const bin = file('node_modules', '.bin');
  const args = ['run-many', '-t', 'build', '--outputStyle=static'];
  const doing = 'building (half a minute the first time, then seconds)';
  await step(doing, join(bin, 'nx'), args, (output) => {
    if (/ENOSPC|no space left/i.test(output))
      return new Refusal(`no space is left for what is built in ${here}: free 200 MB`);
    if (/\b(EACCES|EROFS)\b/.test(output)) return new Refusal(notWritable('EACCES'));
    process.stderr.write(output);
    return new Refusal('the build failed: the lines above say why');
  });
  takeNote(() => noteBuilt(filesOfBuild()));
}

// ── one at a time

/** Held by a process that lives, or by the npm that one left behind when it was killed. */
async function holdLock() {
  const mine = `${lock}.${process.pid}`;
  for (let told = false; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    takeNote(() => writeFileSync(mine, `${process.pid}\n`));
    try {
      linkSync(mine, lock); // unlike a write, whole or not at all
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new Refusal(notWritable(error.code));
    } finally {
      remove(mine);
    }
    const holders = readIfThere(lock).split('\n').filter(Boolean).map(Number);
    if (holders.some(isAlive)) {
      if (!told) say(`another command (process ${holders[0]}) is setting up: waiting for it …`);
      told = true;
    } else if (holders.length > 0) {
      // only one of those who find it so gets to move it away
      const stale = `${lock}.stale-${holders[0]}`;
      try {
        renameSync(lock, stale);
      } catch {
        continue;
      }
      remove(stale);
    }
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// ── doing and telling

const logFile = join(cache, 'setup.log');

/** Runs a program, with a line before and after. What it says is kept for when it fails. */
async function step(doing, program, args, refusal) {
  say(`${doing} …`);
  const begun = Date.now();
  takeNote(() => writeFileSync(logFile, ''));
  const log = openSync(logFile, 'a');
  const path = [file('node_modules', '.bin'), process.env.PATH].join(delimiter);
  const env = Object.assign({}, process.env, { PATH: path, [within]: '1', NX_DAEMON: 'false' });
  const child = spawn(program, args, { cwd: here, env, stdio: ['ignore', log, log] });
  const passOn = (signal) => {
    child.kill(signal);
    child.once('exit', () => {
      remove(lock);
      process.exit(130);
    });
  };
  process.on('SIGINT', passOn).on('SIGTERM', passOn);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('spawn', () => writeFileSync(lock, `${process.pid}\n${child.pid}\n`));
    child.once('exit', resolve);
  });
  process.off('SIGINT', passOn).off('SIGTERM', passOn);
  if (code !== 0) throw refusal(readFileSync(logFile, 'utf8') || String(code));
  say(`done in ${Math.round((Date.now() - begun) / 1000)} s`);
}

/** Writes something of our own into the checkout, which may be another user's. */
function takeNote(write) {
  try {
    write();
  } catch (error) {
    if (error.code === 'ENOSPC') throw new Refusal(`no space is left for ${here}: free 1 GB on that disk`);
    throw new Refusal(notWritable(error.code));
  }
}

const notWritable = (code) =>
  `this checkout is not set up, and ${whose()} may not write ${here} (${code}): run npm start once as its owner`;

function whose() {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid()}`;
  }
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function remove(path) {
  try {
    unlinkSync(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

const lastLine = (text) => text.trim().split('\n').pop();
const say = (text) => process.stdout.write(`muster: ${text}\n`);

main().catch((error) => {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`muster: ${error.message}\n`);
  process.exit(1);
});
