import { setTimeout as pause } from 'node:timers/promises';
import {
  App,
  SSLApp,
  us_listen_socket_close,
  us_socket_local_port,
  type TemplatedApp,
  type us_listen_socket,
  type us_socket,
} from 'uWebSockets.js';
import type { Log } from '@muster/platform/log';
import { CannotListen, whyNotListen } from '@muster/platform/listening';
import type { CloseReason } from './agent-link.ts';
import type { Connection } from './session.ts';
import type { Doorway } from './doorway.ts';
import { httpHandler } from './http-door.uws.ts';
import { httpStatus, respond } from './http-link.uws.ts';
import { TlsUnusable, type TlsFiles } from './tls-files.ts';
import { LIBUS_LISTEN_EXCLUSIVE_PORT } from './uws-constants.uws.ts';
import { webSocketBehavior, type SocketData } from './websocket-door.uws.ts';
import { WebSocketWatch } from './websocket-watch.ts';

const path = '/v1/opamp';
const closeEveryMs = 50;

/** The port agents come to, over WebSocket and plain HTTP, with TLS or without. */
export class Listener {
  readonly port: number;
  readonly #make: MakeApp;
  /** Has the port. With TLS it serves connections itself until there is a newer certificate. */
  readonly #acceptor: ListeningApp;
  readonly #socket: us_listen_socket;
  readonly #connections: Set<Connection>;
  readonly #watch: WebSocketWatch;
  /** Serve connections that the acceptor took, the newest last: each has a certificate of its own. */
  readonly #successors: ListeningApp[] = [];

  private constructor(
    make: MakeApp,
    acceptor: ListeningApp,
    socket: us_listen_socket,
    connections: Set<Connection>,
    watch: WebSocketWatch,
  ) {
    this.#make = make;
    this.#acceptor = acceptor;
    this.#socket = socket;
    this.#connections = connections;
    this.#watch = watch;
    // A listening socket is a socket too, which the package's types do not say.
    this.port = us_socket_local_port(socket as unknown as us_socket);
  }

  /** Port 0 takes a free one; `tls` null: without TLS. Rejects with `CannotListen` or `TlsUnusable`. */
  static async open(
    host: string,
    port: number,
    doorway: Doorway,
    tls: TlsFiles | null,
    log: Log,
  ): Promise<Listener> {
    const connections = new Set<Connection>();
    const watch = new WebSocketWatch({ ...doorway, log });
    const make = (files: TlsFiles | null) =>
      newApp(files)
        .ws<SocketData>(path, webSocketBehavior(doorway, connections, watch))
        .post(path, httpHandler(doorway, log))
        .get(path, (response) => respond(response, httpStatus.upgradeRequired, { Upgrade: 'websocket' }))
        .any(path, (response) => respond(response, httpStatus.methodNotAllowed, { Allow: 'GET, POST' }))
        .any('/*', (response) => respond(response, httpStatus.notFound)) as ListeningApp;
    try {
      const acceptor = make(tls);
      const socket = await listen(acceptor, host, port);
      if (socket !== null) return new Listener(make, acceptor, socket, connections, watch);
    } catch (error) {
      watch.end();
      throw error;
    }
    watch.end();
    throw new CannotListen(host, port, 'MUSTER_OPAMP_PORT', await whyNotListen(host, port));
  }

  /**
   * Serves new connections with other TLS files; those that are open keep theirs. The port stays open: the
   * app that has it hands what it accepts to the newest one. Throws `TlsUnusable`; then nothing has changed.
   */
  useCertificate(files: TlsFiles): void {
    const successor = this.#make(files);
    const former = this.#successors.at(-1);
    this.#acceptor.addChildAppDescriptor(successor.getDescriptor());
    if (former) this.#acceptor.removeChildAppDescriptor(former.getDescriptor());
    this.#successors.push(successor);
  }

  /** Closes the open WebSockets that `which` picks, evenly over `overMs` milliseconds. */
  async closeConnections(
    reason: CloseReason,
    which: (connection: Connection) => boolean,
    overMs = 0,
  ): Promise<void> {
    const picked = [...this.#connections].filter(which);
    const slice = Math.ceil(picked.length / Math.max(1, overMs / closeEveryMs));
    for (let start = 0; start < picked.length; start += slice) {
      for (const { link } of picked.slice(start, start + slice)) link.close(reason);
      if (start + slice < picked.length) await pause(closeEveryMs);
    }
  }

  /** Takes no new connections. Those that are open stay. */
  stopAccepting(): void {
    us_listen_socket_close(this.#socket);
  }

  /** Cuts whatever is still open. */
  end(): void {
    this.#watch.end();
    for (const app of [...this.#successors, this.#acceptor]) app.close();
  }
}

type MakeApp = (files: TlsFiles | null) => ListeningApp;

/** What the package's types lack. */
interface ListeningApp extends TemplatedApp {
  getDescriptor(): unknown;
  addChildAppDescriptor(descriptor: unknown): void;
  removeChildAppDescriptor(descriptor: unknown): void;
}

function newApp(files: TlsFiles | null): TemplatedApp {
  if (files === null) return App();
  const { certFile, keyFile, clientCaFile } = files;
  try {
    return SSLApp({
      cert_file_name: certFile,
      key_file_name: keyFile,
      ...(clientCaFile !== null && { ca_file_name: clientCaFile }),
    });
  } catch {
    // It does not say why.
    throw new TlsUnusable(
      `the TLS library takes ${certFile} and ${keyFile} for no certificate chain with its key: see that both are PEM`,
    );
  }
}

/** The package's types lack this form of `listen`. */
type ListenExclusively = (
  host: string,
  port: number,
  options: number,
  done: (socket: us_listen_socket | false) => void,
) => void;

/** Null when it cannot: µWebSockets does not say why. */
function listen(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket | null> {
  return new Promise((resolve) => {
    const listenExclusively = app.listen as unknown as ListenExclusively;
    listenExclusively.call(app, host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => resolve(socket || null));
  });
}
