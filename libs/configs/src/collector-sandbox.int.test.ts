import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Verdict } from './collector-sandbox.ts';

const sandbox = new URL('collector-sandbox.ts', import.meta.url);
const someone = ['setpriv', '--reuid=65533', '--regid=65533', '--clear-groups'];
const isRoot = process.geteuid!() === 0;
/** Root can become another user; that one has to be allowed to read this. */
const users: [who: string, become: string[]][] = [
  ['who runs this', []],
  ...(isRoot && runs([...someone, 'test', '-r', sandbox.pathname])
    ? [['another user than root', someone] as [string, string[]]]
    : []),
];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sandbox-'));
  await chmod(directory, 0o755);
});
afterAll(() => rm(directory, { recursive: true }));

function runs([program = '', ...args]: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

/** What a Perl program says in the sandbox that this user makes: Perl has the system calls of x86-64 and ARM by number. */
async function said(become: string[], program: string, env: Record<string, string> = {}): Promise<string> {
  const binary = join(directory, 'otelcol');
  await writeFile(binary, `#!/usr/bin/perl\n$| = 1;\n${program}\nexit 1;\n`);
  await chmod(binary, 0o755);
  const validation = { binary, configs: ['a: 1'], env, timeoutMs: 10_000, unshare: 'unshare' };
  const script = `import { runValidate } from ${JSON.stringify(sandbox.href)};
    console.log(JSON.stringify(await runValidate(${JSON.stringify(validation)})));`;
  const node = [process.execPath, '--no-warnings', '--input-type=module', '--eval', script];
  const [first = '', ...args] = [...become, ...node];
  const { stdout } = await promisify(execFile)(first, args);
  const verdict = JSON.parse(stdout) as Verdict;
  if (verdict.kind !== 'said') throw new Error(JSON.stringify(verdict));
  return verdict.text;
}

const systemCalls = `
my ($mount, $umount, $unshare) = -d '/lib/aarch64-linux-gnu' ? (40, 39, 97) : (165, 166, 272);
my ($newNamespaces, $readWrite, $detach) = (0x10000000 | 0x20000, 32 | 4096, 2);
my ($none, $otelcol, $root, $loader) = ('none', '/otelcol', '/', '/usr/bin/setpriv');
sub can { my ($what, $result) = @_; print "$what\\n" if defined $result && $result >= 0 }
`;

test.each(users)('a program finds no way out, nor to change what it sees: %s', async (_who, become) => {
  const text = await said(
    become,
    `${systemCalls}
     for my $try ('as it is', 'in namespaces of its own') {
       can('mkdir', mkdir('/esc') ? 0 : -1);
       can('remount', syscall($mount, $none, $otelcol, 0, $readWrite, 0));
       can('remount root', syscall($mount, $none, $root, 0, $readWrite, 0));
       can('unmount', syscall($umount, $loader, $detach));
       can('write', open(my $h, '+<', '/otelcol') ? 0 : -1);
       can('chroot', chroot('/lib') ? 0 : -1);
       chdir('..') for 1..20;
       chroot('.');
       for my $file ('/etc/passwd', 'etc/passwd', '/machine/etc/passwd', '/proc/1/environ', '/usr/lib/os-release') {
         can("read $file", -e $file ? 0 : -1);
       }
       can('unshare', syscall($unshare, $newNamespaces)) if $try eq 'as it is';
     }
     opendir(my $top, '/');
     print "uid $>\\n", join(' ', sort grep { !/^\\./ } readdir $top), "\\n";`,
  );
  const [uid, seen, ...more] = text.trim().split('\n');
  expect(more).toEqual([]);
  expect(uid).toBe(`uid ${isRoot && become.length === 0 ? 65534 : 0}`);
  expect(seen).toMatch(/^(bin )?config-0\.yaml lib( lib64)? machine otelcol proc usr$/);
});

test.each(users)('processes are limited: %s', async (_who, become) => {
  const text = await said(
    become,
    `my $started = 0;
     while ($started < 1000 && defined(my $child = fork)) { $child or do { sleep 20; exit }; $started++ }
     print $started;`,
  );
  expect(Number(text)).toBeGreaterThan(20);
  expect(Number(text)).toBeLessThan(200);
});

test('the environment is for the collector alone', async () => {
  const env = { LD_PRELOAD: 'placeholder', PATH: 'placeholder', IFS: 'placeholder' };
  const text = await said([], `print join ' ', map { "$_=$ENV{$_}" } sort keys %ENV;`, env);
  expect(text.split('\n').at(-1)).toBe(
    'GOMAXPROCS=2 GOMEMLIMIT=512MiB IFS=placeholder LD_PRELOAD=placeholder PATH=placeholder PWD=/',
  );
});
