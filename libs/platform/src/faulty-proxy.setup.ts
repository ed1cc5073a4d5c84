import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { loopback } from './local-server.ts';

/** `stopped`: nothing listens. `hung`: it accepts and never answers. `slow`: each answer comes 3 s later. */
export type Fault = 'stopped' | 'hung' | 'slow';

const slowMs = 3_000;

/** Stands before a server of this machine and lets it be away in every way there is; for tests. */
export class FaultyProxy {
  readonly port: number;
  readonly #target: number;
  #server: Server | null = null;
  #fault: Fault | null = null;
  readonly #pairs = new Set<[Socket, Socket]>();

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
  }

  static async start(port: number, target: number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(port, target);
    await proxy.#listen();
    return proxy;
  }

  /** Null: all is well again. */
  async set(fault: Fault | null): Promise<void> {
    this.#fault = fault;
    if (fault === 'stopped') return this.stop();
    if (this.#server === null) await this.#listen();
    for (const sockets of this.#pairs)
      for (const socket of sockets) socket[fault === 'hung' ? 'pause' : 'resume']();
  }

  async stop(): Promise<void> {
    for (const [near, far] of this.#pairs) [near, far].forEach((socket) => socket.destroy());
    const server = this.#server;
    this.#server = null;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async #listen(): Promise<void> {
    this.#server = createServer((near) => this.#join(near)).listen(this.port, loopback);
    await once(this.#server, 'listening');
  }

  #join(near: Socket): void {
    const far = connect(this.#target, loopback);
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => {
      if (this.#fault === 'slow') setTimeout(() => near.write(bytes), slowMs);
      else near.write(bytes);
    });
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
      if (this.#fault === 'hung') socket.pause();
    }
  }
}
