import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CollectorValidators } from './collector-validators.ts';

const collector = new URL('../../../.cache/bin/otelcol', import.meta.url).pathname;
const real = { distribution: 'otelcol', version: '0.149.0' };
let directory: string;
let validators: CollectorValidators;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'collectors-'));
  validators = new CollectorValidators({ directory, sandboxed: true });
  if (existsSync(collector)) await copyFile(collector, await place(real.version));
});
afterAll(() => rm(directory, { recursive: true }));

async function place(version: string): Promise<string> {
  await mkdir(join(directory, 'otelcol', version), { recursive: true });
  return join(directory, 'otelcol', version, 'otelcol');
}

/** A collector that is a script: in the sandbox there are no programs but its interpreter. */
async function script(version: string, text: string, interpreter = '/bin/sh') {
  const path = await place(version);
  await writeFile(path, `#!${interpreter}\n${text}\n`);
  await chmod(path, 0o755);
  return { distribution: 'otelcol', version };
}

const leftOvers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('muster-validate-'));

const body = (receiver: string, exporters = 'debug') => `receivers:
  otlp: ${receiver}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [${exporters}]}}}
`;

test.skipIf(!existsSync(collector))(
  'a real collector accepts, and refuses with place and reason',
  async () => {
    expect(await validators.validate(real, { '': body('{protocols: {grpc: }}') })).toEqual([]);
    expect(await validators.validate(real, { '': body('{protocols: {grpc: {nonsense: 1}}}') })).toEqual([
      {
        severity: 'error',
        message: expect.stringMatching(/^otelcol 0\.149\.0: .*has invalid keys: nonsense$/),
        path: 'receivers.otlp.protocols.grpc.nonsense',
        line: 2,
        column: 29,
        file: '',
      },
    ]);
    expect(await validators.validate(real, { '': body('{protocols: {grpc: }}', 'debug, x') })).toEqual([
      expect.objectContaining({ severity: 'error', path: 'service.pipelines.traces', line: 4, column: 23 }),
    ]);
    const unknown = body('{protocols: {grpc: }}').replace('receivers:\n', 'receivers:\n  zipkin:\n');
    expect(await validators.validate(real, { '': unknown })).toEqual([
      expect.objectContaining({
        path: 'receivers.zipkin',
        message: expect.stringContaining('unknown type'),
        line: 2,
      }),
    ]);
  },
);

test.skipIf(!existsSync(collector))('files are merged; what only the host knows makes no error', async () => {
  const parts = { 'a.yaml': body('{protocols: {grpc: }}', 'debug, nop'), 'b.yaml': 'exporters: {nop: }\n' };
  expect(await validators.validate(real, parts)).toEqual([]);
  const open = body('{protocols: {grpc: {endpoint: "${env:WHERE}", max_recv_msg_size_mib: "${env:SIZE}"}}}');
  const problems = await validators.validate(real, { '': open });
  expect(problems).toEqual([
    expect.objectContaining({
      severity: 'warning',
      message: expect.stringContaining('known on the host only'),
    }),
  ]);
  const secret = await validators.validate(real, { '': body('{protocols: "${file:/etc/passwd}"}') });
  expect(JSON.stringify(secret)).not.toContain('root:');
});

test('only a collector of exactly this kind is asked', async () => {
  const build = await script('1.0.0', 'exit 0');
  expect(await validators.list()).toContainEqual(build);
  expect(await validators.validate(build, { '': '' })).toEqual([]);
  expect(await validators.validate({ ...build, version: '1.0.1' }, { '': '' })).toBeNull();
  expect(await validators.validate({ distribution: '..', version: '..' }, { '': '' })).toBeNull();
  expect(await new CollectorValidators({ directory: null, sandboxed: true }).list()).toEqual([]);
});

test('one without end is ended in time, with all it has started, and its directory is gone', async () => {
  const build = await script('2.0.0', `fork; $0 = 'endless-collector'; 1 while 1`, '/usr/bin/perl');
  const began = performance.now();
  expect(await validators.validate(build, { '': '' }, { timeoutMs: 700 })).toEqual([
    expect.objectContaining({ severity: 'warning', message: expect.stringContaining('within 700 ms') }),
  ]);
  expect(performance.now() - began).toBeLessThan(3000);
  expect(leftOvers()).toEqual([]);
  await expect.poll(() => running('endless-collector')).toEqual([]);
});

/** Processes that call themselves so. */
function running(name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(name);
    } catch {
      return false;
    }
  });
}

test.each([
  ['3.0.0', `my @all; push @all, 'x' x 50_000_000 while 1`, 'more than 1 GiB of memory'],
  ['3.0.1', `print 'x' x 1000 while 1`, 'more than 64 KiB of output'],
  // As the kernel ends it.
  ['3.0.2', `kill 'KILL', $$`, '20 s of processor time'],
])('a limit that is reached is told, and not kept: %s', async (version, text, told) => {
  const build = await script(version, text, '/usr/bin/perl');
  const ask = () => validators.validate(build, { '': '' }, { timeoutMs: 20_000 });
  const problems = await ask();
  expect(problems).toEqual([
    expect.objectContaining({ severity: 'warning', message: expect.stringContaining(told) }),
  ]);
  expect(await ask()).not.toBe(problems);
});

test.skipIf(!existsSync(collector))('one that reads itself again and again is ended', async () => {
  const endless = `${body('{protocols: {grpc: }}')}x: \${file:/config-0.yaml}\n`;
  expect(await validators.validate(real, { '': endless }, { timeoutMs: 2000 })).toEqual([
    expect.objectContaining({ message: expect.stringMatching(/^otelcol 0\.149\.0 was ended before/) }),
  ]);
});

test('there is no network, no file of this machine, and no environment', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const build = await script(
    '4.0.0',
    `(exec 3<>/dev/tcp/127.0.0.1/${port}) && echo connected
     [ -e /etc/passwd ] && echo 'files of the machine'
     echo "$(echo *) env: $(export -p)"; exit 1`,
    '/bin/bash',
  );
  process.env['MUSTER_TEST_SECRET'] = 'hunter2';
  const files = { '': 'x: ${env:NAME}' };
  const inside = JSON.stringify(await validators.validate(build, files));
  const openly = new CollectorValidators({ directory, sandboxed: false });
  const outside = JSON.stringify(await openly.validate(build, files));
  delete process.env['MUSTER_TEST_SECRET'];
  server.close();
  expect(outside).toContain(': connected');
  expect(outside).toContain('files of the machine');
  expect(inside).not.toContain(': connected');
  expect(inside).not.toContain('files of the machine');
  for (const said of [inside, outside]) {
    expect(said).toContain('config-0.yaml');
    expect(said).toContain('NAME=\\"placeholder');
    expect(said).not.toContain('hunter2');
  }
});

test('the same is asked once, and again of a program that was replaced', async () => {
  const build = await script('6.0.0', 'exit 0');
  expect(await validators.validate(build, { '': 'a' })).toEqual([]);
  await script('6.0.0', 'echo "service::x: no" >&2; exit 1');
  expect(await validators.validate(build, { '': 'a' })).toEqual([
    expect.objectContaining({ message: 'otelcol 6.0.0: no', path: 'service.x' }),
  ]);
});

test('nothing is run where no sandbox can be made; without one only when that is said', async () => {
  const build = await script('7.0.0', 'echo "service::x: ran" >&2; exit 1');
  const boxless = new CollectorValidators({ directory, sandboxed: true, unshare: '/nowhere/unshare' });
  const refused = await boxless.validate(build, { '': '' });
  expect(refused).toEqual([
    expect.objectContaining({ severity: 'warning', message: expect.stringContaining('no sandbox') }),
  ]);
  const openly = new CollectorValidators({ directory, sandboxed: false });
  expect(await openly.validate(build, { '': '' })).toEqual([
    expect.objectContaining({ severity: 'error', message: 'otelcol 7.0.0: ran' }),
  ]);
});
