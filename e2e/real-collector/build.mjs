// Builds what the end-to-end tests run for real: the upstream opampsupervisor, a small collector and an older
// one, an agent and a server on the reference library, the bench's plain server, nats-server and k6, from pinned versions,
// into .cache/bin. Needs Go; a second run with the same versions does nothing. Plain JavaScript, so that any
// Node can run it before `npm ci`.
//
//   node e2e/real-collector/build.mjs [names]   (default: all)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));
const bin = join(cache, 'bin');
const exitWithoutGo = 3;

const collectorVersion = 'v0.149.0';
const supervisorPackage = 'github.com/open-telemetry/opentelemetry-collector-contrib/cmd/opampsupervisor';
const natsPackage = 'github.com/nats-io/nats-server/v2';
const natsVersion = 'v2.15.2';
const k6Package = 'go.k6.io/k6';
const k6Version = 'v1.8.1';
const previousVersion = 'v0.145.0';

/** What is built: its inputs (the key of the cache) and how it is made. */
const binaries = {
  opampsupervisor: {
    inputs: [supervisorPackage, collectorVersion],
    make: (target) => goBuild(supervisorPackage, supervisorPackage, collectorVersion, target),
  },
  otelcol: collector('manifest.yaml', collectorVersion),
  'otelcol-previous': collector('manifest-previous.yaml', previousVersion),
  'reference-client': programOfOurs('reference-client'),
  'reference-server': programOfOurs('../../apps/conformance/reference-server'),
  'plain-server': programOfOurs('../../loadtest/bench/plain'),
  'nats-server': {
    inputs: [natsPackage, natsVersion],
    make: (target) => goBuild(natsPackage, natsPackage, natsVersion, target),
  },
  k6: { inputs: [k6Package, k6Version], make: (target) => goBuild(k6Package, k6Package, k6Version, target) },
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(binaries);
for (const name of wanted) {
  const binary = binaries[name];
  if (binary === undefined) stop(2, `there is no ${name} here; known: ${Object.keys(binaries).join(', ')}`);
  build(name, binary);
}

/** Builds one binary unless the one in the cache was made from the same inputs. */
function build(name, { inputs, make }) {
  const target = join(bin, name);
  const keyFile = `${target}.key`;
  const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
  if (existsSync(target) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return;
  requireGo();
  process.stdout.write(`real-collector: building ${name}\n`);
  mkdirSync(bin, { recursive: true });
  const fresh = `${target}.new`;
  make(fresh);
  renameSync(fresh, target);
  writeFileSync(keyFile, key);
}

/**
 * Builds a main package at a version by way of a scratch module: `go install package@version` refuses
 * modules with replace directives, which opampsupervisor has.
 */
function goBuild(packagePath, modulePath, version, target) {
  const scratch = scratchDir(packagePath.split('/').findLast((part) => !/^v\d+$/.test(part)));
  writeFileSync(join(scratch, 'go.mod'), `module scratch\n\ngo 1.25.0\n\nrequire ${modulePath} ${version}\n`);
  go(['build', '-mod=mod', '-trimpath', '-ldflags=-s -w', '-o', target, packagePath], scratch);
}

/** A program whose source is in this repository, in a folder relative to this one. */
function programOfOurs(folder) {
  const source = join(here, folder);
  return {
    inputs: ['go.mod', 'go.sum', 'main.go'].map((file) => readFileSync(join(source, file), 'utf8')),
    make: (target) => go(['build', '-trimpath', '-ldflags=-s -w', '-o', target, '.'], source),
  };
}

/** The collector of a manifest, by the OpenTelemetry Collector Builder of that version. */
function collector(manifest, version) {
  const file = join(here, manifest);
  const make = (target) => {
    const scratch = scratchDir(`otelcol-${version}`);
    go(['run', `go.opentelemetry.io/collector/cmd/builder@${version}`, `--config=${file}`], scratch);
    renameSync(join(scratch, 'out', 'otelcol'), target);
  };
  return { inputs: [version, readFileSync(file, 'utf8')], make };
}

function scratchDir(name) {
  const path = join(cache, 'build', name);
  mkdirSync(path, { recursive: true });
  return path;
}

function go(args, cwd) {
  const { status, error } = spawnSync('go', args, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' },
  });
  if (error !== undefined || status !== 0) stop(1, `go ${args.join(' ')} failed in ${cwd}`);
}

function requireGo() {
  if (spawnSync('go', ['version']).status === 0) return;
  stop(
    exitWithoutGo,
    'needs Go 1.25 or newer (https://go.dev/dl); without it, tests with a real collector are skipped',
  );
}

function stop(code, message) {
  process.stderr.write(`real-collector: ${message}\n`);
  process.exit(code);
}
