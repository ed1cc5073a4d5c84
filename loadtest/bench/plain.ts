import { spawnSync } from 'node:child_process';
import { freePort, built, repository, startChild } from './child.ts';
import { SubjectFailed, until, type Subject } from './subject.ts';

interface Counts {
  Agents: number;
  Connected: number;
  Applied: number;
}

export interface PlainTls {
  cert: string;
  key: string;
  clientCa?: string;
}

/** The server on the reference Go library; built at its first use. */
export async function startPlain(tls?: PlainTls): Promise<Subject> {
  const build = spawnSync(process.execPath, [`${repository}e2e/real-collector/build.mjs`, 'plain-server'], {
    encoding: 'utf8',
  });
  if (build.status !== 0) throw new SubjectFailed(`plain: ${build.stderr.trim()}`);
  const [port, adminPort] = [await freePort(), await freePort()];
  const args = ['-opamp', `127.0.0.1:${port}`, '-admin', `127.0.0.1:${adminPort}`];
  if (tls)
    args.push('-cert', tls.cert, '-key', tls.key, ...(tls.clientCa ? ['-client-ca', tls.clientCa] : []));
  const child = await startChild(`${built}/plain-server`, args);
  const counts = async (): Promise<Counts> =>
    (await (await fetch(`http://127.0.0.1:${adminPort}/fleet`)).json()) as Counts;
  await until(
    'plain is up',
    () => (
      child.assertRunning(),
      counts().then(
        () => true,
        () => false,
      )
    ),
    10_000,
  );
  return {
    name: 'plain',
    urls: [`${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/v1/opamp`],
    ports: [port],
    roots: [child.pid],
    gateways: [child.pid],
    async publish(body, agents) {
      return async () => {
        await fetch(`http://127.0.0.1:${adminPort}/publish`, { method: 'POST', body });
        await until('plain has it applied', async () => (await counts()).Applied >= agents, 120_000);
      };
    },
    settled: (agents) => until('plain knows all', async () => (await counts()).Connected >= agents, 60_000),
    stop: () => child.stop(),
  };
}
