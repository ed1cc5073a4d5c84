// Runs before `npm test`: sees that the servers and the browser that tests run for real are here. On a
// Debian machine that is ours to change (root) it installs what is missing, without starting services.
// Elsewhere a missing server ends the run with a line that names it; without a browser or Go the tests
// say what they skip.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const built = fileURLToPath(new URL('../.cache/bin', import.meta.url));
const folders = [process.env.MUSTER_BIN_DIR, built, ...process.env.PATH.split(delimiter), '/usr/sbin'];
const servers = ['nats-server', 'redis-server'];
/** What the test of the production image takes: `node e2e/install-parts.mjs image`; others need not have it. */
const imageTools = ['buildah', 'podman', 'crun', 'mmdebstrap'];
const forImage = process.argv[2] === 'image';

const missing = (forImage ? imageTools : [...servers, 'chromium']).filter((program) => !isHere(program));
if (missing.length > 0 && process.getuid?.() === 0 && existsSync('/etc/debian_version')) install(missing);
const needed = (forImage ? imageTools : servers).filter((program) => !isHere(program));
if (needed.length > 0) {
  process.stderr.write(
    `${forImage ? 'the test of the image' : 'npm test'} needs ${needed.join(' and ')}: install it (Debian: apt install ${needed.join(' ')})\n`,
  );
  process.exit(1);
}

function isHere(program) {
  return folders.some((folder) => {
    try {
      accessSync(join(folder ?? '', program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function install(packages) {
  process.stdout.write(`Installing ${packages.join(', ')} …\n`);
  const noServices = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(noServices);
  if (ours) writeFileSync(noServices, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...words) =>
    spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...words], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  aptGet('update', '-qq');
  aptGet('install', '-y', '-qq', '--no-install-recommends', ...packages);
  if (ours) rmSync(noServices);
}
