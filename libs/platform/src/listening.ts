import { createServer } from 'node:net';

/** An address cannot be listened on. The message names host, port, cause and setting. */
export class CannotListen extends Error {
  readonly code = 'cannot-listen';

  constructor(host: string, port: number, setting: string, cause: unknown) {
    const code = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? '') : '';
    const reason = reasons[code] ?? (cause instanceof Error ? cause.message : 'the port was in use');
    super(`cannot listen on ${host} port ${port}: ${reason}`.replaceAll('%', setting), { cause });
  }
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'the port is in use; end what uses it or set % to another port',
  EACCES: 'this user may not use the port; set % to one above 1023',
  EADDRNOTAVAIL: 'this machine does not have the address; set MUSTER_HOST to one that it has',
  ENOTFOUND: 'the host is not known; set MUSTER_HOST to an address of this machine',
};

/** Why nothing could be listened on just now, found out by trying once more; null: it works. */
export function whyNotListen(host: string, port: number): Promise<Error | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/** Throws `CannotListen` when the port cannot be listened on now. */
export async function assertCanListen(host: string, port: number, setting: string): Promise<void> {
  const cause = await whyNotListen(host, port);
  if (cause !== null) throw new CannotListen(host, port, setting, cause);
}
