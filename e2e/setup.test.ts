import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Child } from './harness/child.ts';
import { repository, userEnvironment } from './harness/muster.ts';

/** A small checkout with a stand-in for npm and for what builds, which note that they ran. */
let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'muster-setup-'));
  const write = (path: string, text: string) => {
    mkdirSync(join(checkout, path, '..'), { recursive: true });
    writeFileSync(join(checkout, path), text);
  };
  cpSync(join(repository, 'setup.mjs'), join(checkout, 'setup.mjs'));
  write(
    'package-lock.json',
    JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } }),
  );
  write('libs/a/src/a.ts', 'a');
  write('apps/muster/src/main.ts', 'main');
  write(
    'nx',
    '#!/bin/sh\necho built >> runs\nmkdir -p apps/muster/dist\ncat apps/muster/src/main.ts > apps/muster/dist/main.js\n',
  );
  chmodSync(join(checkout, 'nx'), 0o755);
  npmDoes(installs);
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

const installs = `
  fs.appendFileSync('runs', 'installed\\n');
  fs.rmSync('node_modules', { recursive: true, force: true });
  fs.mkdirSync('node_modules/.bin', { recursive: true });
  fs.symlinkSync('../../nx', 'node_modules/.bin/nx');
  fs.mkdirSync('node_modules/a');
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`;

function npmDoes(program: string): void {
  writeFileSync(join(checkout, 'npm.cjs'), `const fs = require('fs');\n${program}`);
}

const runs = () =>
  existsSync(join(checkout, 'runs')) ? readFileSync(join(checkout, 'runs'), 'utf8').trim().split('\n') : [];

function start(): Promise<Child> {
  const env = { ...userEnvironment(), npm_execpath: join(checkout, 'npm.cjs') };
  return Child.start(process.execPath, ['setup.mjs'], { cwd: checkout, env });
}

async function setUp(): Promise<{ code: number | null; output: string; errors: string[] }> {
  const child = await start();
  const { code } = await child.exited;
  return { code, output: child.output, errors: child.errors };
}

test('installs and builds once, then finds nothing to do', async () => {
  const first = await setUp();
  expect(first).toMatchObject({ code: 0, errors: [] });
  expect(first.output).toMatch(
    /installing packages .*minute.*\n.*done in \d+ s\n.*building .*\n.*done in \d+ s\n/,
  );
  expect(await setUp()).toEqual({ code: 0, output: '', errors: [] });
  expect(runs()).toEqual(['installed', 'built']);
});

test.each([
  ['a source', 'libs/a/src/a.ts', ['built']],
  ['the lock file', 'package-lock.json', ['installed', 'built']],
  ['what was built', 'apps/muster/dist/main.js', ['built']],
])('does again what follows from a change of %s', async (_, path, again) => {
  await setUp();
  const text = path.endsWith('.json')
    ? JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.1' } } })
    : 'changed';
  writeFileSync(join(checkout, path), text);
  expect(await setUp()).toMatchObject({ code: 0, errors: [] });
  expect(runs()).toEqual(['installed', 'built', ...again]);
});

test('an installation that was killed in the middle is done anew', async () => {
  npmDoes(`fs.mkdirSync('node_modules'); fs.writeFileSync('half', ''); setInterval(() => {}, 1000);`);
  const child = await start();
  await expect.poll(() => existsSync(join(checkout, 'half')), { timeout: 20_000 }).toBe(true);
  await child.killTree();
  npmDoes(installs);
  expect(await setUp()).toMatchObject({ code: 0, errors: [] });
  expect(runs()).toEqual(['installed', 'built']);
});

test('three at once install once, and all are ready', async () => {
  npmDoes(`setTimeout(() => {${installs}}, 500);`);
  const all = await Promise.all([setUp(), setUp(), setUp()]);
  expect(all.map(({ code, errors }) => ({ code, errors }))).toEqual(all.map(() => ({ code: 0, errors: [] })));
  expect(runs()).toEqual(['installed', 'built']);
});

test.each([
  ['npm error code ENOSPC', /no space is left .*free 1 GB/],
  [
    'npm error code ENOTFOUND\nnpm error network request failed',
    /cannot reach its registry \(ENOTFOUND\).*proxy.*registry/,
  ],
  ['npm error code EACCES', /may not write .*\(EACCES\).*owner/],
  ['npm error code E403', /registry refuses \(E403\)/],
  ['npm error gyp ERR! not found: make', /wants a compiler.*build-essential/],
  ['npm error code EUSAGE', /do not fit: run npm install/],
])('says in one line what to do when npm fails with %s', async (words, line) => {
  npmDoes(`console.error(${JSON.stringify(words)}); process.exitCode = 1;`);
  const { code, errors } = await setUp();
  expect(code).toBe(1);
  expect(errors).toEqual([expect.stringMatching(line)]);
});

test('a Node.js that is too old is named', async () => {
  const path = join(checkout, 'setup.mjs');
  const script = readFileSync(path, 'utf8');
  expect(script).not.toMatch(/\?\?|\?\.[a-z]|node:/); // what Node.js 12 cannot read
  writeFileSync(
    path,
    script.replace('process.versions.node', "'18.20.4'").replace('process.versions.node', "'18.20.4'"),
  );
  const { code, errors } = await setUp();
  expect(code).toBe(1);
  expect(errors).toEqual([
    expect.stringMatching(/Node\.js 18\.20\.4 is too old: install Node\.js 20 or newer/),
  ]);
});
