// Builds the production image from deploy/Dockerfile as a machine without Docker and without a registry can: its
// base image is made from Debian's packages and the Node.js of node_modules, under the name that the Dockerfile
// asks for. Needs root, buildah and mmdebstrap. Plain JavaScript, so that any Node can run it.
//
//   node e2e/image/build.mjs base    makes .cache/image/base.tar (a minute; nothing when it is there)
//   node e2e/image/build.mjs         makes the image localhost/muster as well
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(repository, '.cache/image');
const baseTar = join(folder, 'base.tar');
const authorities = '/etc/ssl/certs/ca-certificates.crt';
const baseImage = 'docker.io/library/node:22-bookworm-slim';
const npmVersion = '10.9.4';

/** What the official slim image is: the smallest Debian, without manuals and translations. */
const debian = [
  '--variant=minbase',
  ...['man', 'locale', 'doc', 'info'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`),
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  '--aptopt=APT::Install-Recommends "false"',
  'bookworm',
];

const containerfile = `FROM scratch
ADD base.tar /
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY authorities.crt ${authorities}
ENV NODE_EXTRA_CA_CERTS=${authorities}
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && \\
  groupadd -g 1000 node && useradd -u 1000 -g node -m node
`;

mkdirSync(folder, { recursive: true });
makeBaseTar();
if (process.argv[2] !== 'base') {
  makeBaseImage();
  buildah('bud', '--pull-never', '-t', 'localhost/muster', '-f', 'deploy/Dockerfile', '.');
}

function makeBaseTar() {
  const key = keyOf(debian);
  if (isCurrent(baseTar, key)) return;
  run('mmdebstrap', ['--quiet', '--format=tar', ...debian, `${baseTar}.new`]);
  renameSync(`${baseTar}.new`, baseTar);
  writeFileSync(`${baseTar}.key`, key);
}

/** With the Node.js that the lock names, and the authorities that this machine trusts: builds talk to the registry. */
function makeBaseImage() {
  const node = join(repository, 'node_modules/node/bin/node');
  const mark = join(folder, 'base');
  const key = keyOf([
    readFileSync(`${baseTar}.key`, 'utf8'),
    containerfile,
    run(node, ['--version'], { stdio: 'pipe' }),
    npmVersion,
  ]);
  const known = buildah('images', '--quiet', '--filter', `reference=${baseImage}`).trim() !== '';
  if (known && isCurrent(mark, key)) return;
  rmSync(mark, { recursive: true, force: true });
  mkdirSync(mark);
  run('npm', ['install', '--no-save', '--prefix', join(mark, 'npm-home'), `npm@${npmVersion}`]);
  for (const [from, name] of [
    [baseTar, 'base.tar'],
    [node, 'node'],
    [join(mark, 'npm-home/node_modules/npm'), 'npm'],
    [authorities, 'authorities.crt'],
  ])
    cpSync(from, join(mark, name), { recursive: true, dereference: true });
  writeFileSync(join(mark, 'Containerfile'), containerfile);
  buildah('bud', '--pull-never', '-t', baseImage, '-f', join(mark, 'Containerfile'), mark);
  rmSync(mark, { recursive: true, force: true });
  writeFileSync(mark, '');
  writeFileSync(`${mark}.key`, key);
}

function isCurrent(file, key) {
  return existsSync(file) && existsSync(`${file}.key`) && readFileSync(`${file}.key`, 'utf8') === key;
}

function keyOf(inputs) {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
}

/** chroot: no namespaces, which a container in which this runs may not have. */
function buildah(command, ...words) {
  const options = command === 'bud' ? ['--layers', '--isolation', 'chroot', '--network', 'host'] : [];
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'storage-run')];
  const stdio = command === 'bud' ? 'inherit' : ['ignore', 'pipe', 'inherit'];
  return run('buildah', [...storage, command, ...options, ...words], { cwd: repository, stdio });
}

function run(program, words, options = { stdio: 'inherit' }) {
  const { status, error, stdout } = spawnSync(program, words, { encoding: 'utf8', ...options });
  if (error) stop(`${program} could not be run: ${error.message}`);
  if (status !== 0) stop(`${program} ${words.at(-1)} ended with ${status}`);
  return stdout ?? '';
}

function stop(message) {
  process.stderr.write(`image: ${message}\n`);
  process.exit(1);
}
