import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServerDidNotStart, freePort, talkTo } from './local-server.ts';
import { MissingBinary, findBinary, startLocalNats, startLocalRedis } from './local-services.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-services-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

describe.each([
  { name: 'nats-server', start: startLocalNats, question: '', answer: /^INFO .*"jetstream":true/ },
  { name: 'redis-server', start: startLocalRedis, question: 'PING\r\n', answer: /^\+PONG/ },
])('$name of this machine', ({ name, start, question, answer }) => {
  it('answers when it has started, on the port of its URL, and not when it has stopped', async () => {
    const service = await start({ dataDir: join(dataDir, 'new', 'folder') });
    expect(service.url).toMatch(new RegExp(`^${name.split('-')[0]}://127\\.0\\.0\\.1:${service.port}$`));
    expect(await talkTo(service.port, question)).toMatch(answer);
    await service.stop();
    await expect(talkTo(service.port, question)).rejects.toThrow();
    expect(() => process.kill(service.pid, 0)).toThrow();
  });

  it('starts again on its data and a given port', async () => {
    const port = await freePort();
    for (let round = 0; round < 2; round += 1) {
      const service = await start({ dataDir, port });
      expect(service.port).toBe(port);
      await service.stop();
    }
  });

  it('ends with the process that started it, killed', async () => {
    const module = new URL('./local-services.ts', import.meta.url).href;
    const program = `const { ${start.name} } = await import(${JSON.stringify(module)});
      console.log((await ${start.name}({ dataDir: ${JSON.stringify(dataDir)} })).pid);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(String(await once(parent.stdout, 'data')));
    expect(process.kill(pid, 0)).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid}/exe`), { timeout: 5_000 }).toBe(false);
  });

  it('takes the place of one whose parent was killed', async () => {
    const orphan = await start({ dataDir });
    const service = await start({ dataDir });
    expect(() => process.kill(orphan.pid, 0)).toThrow();
    expect(await talkTo(service.port, question)).toMatch(answer);
    await service.stop();
  });

  it('leaves a process alone that only has the number of a former one', async () => {
    const stranger = spawn('sleep', ['60']);
    await once(stranger, 'spawn');
    await writeFile(join(dataDir, 'server.pid'), String(stranger.pid));
    const service = await start({ dataDir });
    expect(stranger.exitCode).toBeNull();
    expect(stranger.signalCode).toBeNull();
    expect(await readFile(join(dataDir, 'server.pid'), 'utf8')).toBe(String(service.pid));
    await service.stop();
    stranger.kill();
  });

  it('looks into the given folder first, and tells the last words of a program that ends', async () => {
    const binDir = join(dataDir, 'bin');
    await mkdir(binDir);
    await writeFile(join(binDir, name), '#!/bin/sh\necho "cannot do that" >&2\nexit 3\n');
    await chmod(join(binDir, name), 0o755);
    const failed = start({ dataDir, binDir });
    await expect(failed).rejects.toThrow(ServerDidNotStart);
    await expect(failed).rejects.toThrow(`${name} did not start: ended with code 3 | cannot do that`);
  });

  it('does not take another program on its port for its own', async () => {
    const other = createServer((socket) => socket.end(name === 'nats-server' ? 'INFO {}\r\n' : '+PONG\r\n'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const failed = start({ dataDir, port });
    await expect(failed).rejects.toThrow(ServerDidNotStart);
    await expect(failed).rejects.toThrow(`port ${port} is taken`);
    other.close();
  });
});

it('says in one line what to install when a program is missing', async () => {
  const missing = findBinary('no-such-server', dataDir, 'run "apt install no-such-server"');
  await expect(missing).rejects.toThrow(MissingBinary);
  await expect(missing).rejects.toThrow(
    /^no-such-server is not installed: run "apt install no-such-server"$/,
  );
});
