import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { GraphQLError, type ExecutionArgs, type GraphQLSchema } from 'graphql/index.js';
import { CloseCode, makeServer, type SubscribePayload } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { AccessService } from '@muster/access/access-service';
import type { Log } from '@muster/platform/log';
import type { Running } from '@muster/platform/running';
import { isCrossOrigin, type Authentication } from '../http/authentication.ts';
import { QueryTooComplex, TooManyWrongCredentials } from '../http/errors.ts';
import { formatError, formatResult, asGraphqlError } from './graphql-errors.ts';
import { Holders, type Held } from './holders.ts';
import { checkLimits } from './limits.ts';
import { InvalidDocument, readDocument } from './read-document.ts';
import type { GraphqlContext } from './resolvers.ts';

const path = '/graphql';
const maxMessageBytes = 256 * 1024;
/** Bytes that a client may send before it is known. */
const openBytes = 4 * 1024;
/** Operations of one socket that may be under way. */
const mostOperations = 100;
/** Operations that a socket may ask for beyond that before it is closed. */
const mostRefused = 200;
/** Bytes that wait for a client that does not read; more, and it is cut. */
const mostUnread = 32 * 1024 * 1024;
const keepAliveMs = 12_000;
/** Close codes of the graphql-transport-ws protocol: a credential that does not (any longer) hold; too much is asked. */
const forbidden = 4403;
const tooMany = 4429;
/** Close codes of RFC 6455's registry. */
const goingAway = 1001;
const tryAgainLater = 1013;
/** Milliseconds that clients have to say goodbye as well. */
const goodbyeMs = 250;

interface SocketDeps {
  server: Server;
  schema: GraphQLSchema;
  access: AccessService;
  authentication: Authentication;
  log: Log;
  /** How often the credentials of open connections are judged anew. */
  recheckMs: number;
}

type Extra = {
  socket: WebSocket;
  request: IncomingMessage;
  /** Null until the client is known. */
  held: Held | null;
  /** Operations under way. */
  operations: number;
  refused: number;
};

export interface GraphqlSockets extends Running {
  /** Judges the credentials of all connections now. */
  recheck(): Promise<void>;
}

/**
 * GraphQL over WebSocket (graphql-transport-ws), subscriptions above all. The credential is the session
 * cookie of the upgrade, its `Authorization` header, or `authorization` in the connection's parameters. It is
 * judged for each operation, and the connection ends when it no longer holds. Pages of other origins are refused.
 */
export function serveGraphqlSockets(deps: SocketDeps): GraphqlSockets {
  const { server, schema, authentication, log } = deps;
  const holders = new Holders(deps.access, log, deps.recheckMs);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    handleProtocols: (offered) => (offered.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
  });

  const protocol = makeServer<Record<string, unknown>, Extra>({
    async onConnect({ extra, connectionParams }) {
      const { socket, request } = extra;
      const admitted = await admit(authentication, request, connectionParams).catch((error: unknown) => {
        if (!(error instanceof TooManyWrongCredentials))
          log.warn({ err: error }, 'the credential of a WebSocket could not be judged');
        socket.close(tryAgainLater, 'Try again later');
        return null;
      });
      if (!admitted) return false;
      const held = holders.enter(admitted, () => socket.close(forbidden, 'Forbidden'));
      if (held === null) socket.close(tooMany, 'Too many connections');
      else if (socket.readyState === socket.OPEN) extra.held = held;
      else held.leave();
      return held !== null;
    },
    onSubscribe: ({ extra }, _id, payload) => begin(schema, extra, payload),
    async onNext({ extra }, _id, _payload, _args, result) {
      // one that does not hold has its socket closed, which sends nothing any more
      await extra.held!.holds(false).catch(() => true);
      return formatResult(result, log);
    },
    onError: (_context, _id, _payload, errors) => errors.map((error) => formatError(error, log)),
    onComplete: ({ extra }) => finish(extra),
  });

  sockets.on('connection', (socket, request) => {
    const extra: Extra = { socket, request, held: null, operations: 0, refused: 0 };
    const stopCounting = countOpenBytes(request.socket, () => extra.held !== null, socket);
    socket.on('error', () => {}); // ws closes it
    const stopPinging = keepAlive(socket);
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) => send(socket, data),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on('message', (data) => {
            if (socket.readyState !== socket.OPEN || extra.refused > mostRefused) return;
            take(String(data)).catch((error: unknown) => {
              log.error({ err: error }, 'a message over a WebSocket could not be handled');
              socket.close(CloseCode.InternalServerError, 'Internal server error');
            });
          }),
      },
      extra,
    );
    socket.once('close', (code, reason) => {
      stopCounting();
      stopPinging();
      extra.held?.leave();
      void closed(code, String(reason));
    });
  });

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const refusal = refuseUpgrade(request);
    if (refusal !== null) {
      socket.on('error', () => socket.destroy()); // without it, one that breaks now would end the process
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request));
  };
  server.on('upgrade', onUpgrade);
  return {
    recheck: () => holders.recheck(),
    async stop() {
      server.off('upgrade', onUpgrade);
      holders.stop();
      await Promise.all([...sockets.clients].map(sayGoodbye));
    },
  };
}

function sayGoodbye(socket: WebSocket): Promise<unknown> {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close(goingAway, 'Going away');
  setTimeout(() => socket.terminate(), goodbyeMs).unref();
  return closed;
}

function refuseUpgrade(request: IncomingMessage): string | null {
  if (request.url?.split('?')[0] !== path) return '404 Not Found';
  return isCrossOrigin(request.headers) ? '403 Forbidden' : null;
}

function admit(
  authentication: Authentication,
  request: IncomingMessage,
  parameters: Readonly<Record<string, unknown>> | undefined,
) {
  const authorization = parameters?.['authorization'];
  return authentication.admit(request, typeof authorization === 'string' ? authorization : undefined);
}

/** Cuts a client that sends much before it is known; ws would keep up to a whole message of it. */
function countOpenBytes(connection: Socket, isKnown: () => boolean, socket: WebSocket): () => void {
  const before = connection.bytesRead;
  const count = () => {
    if (isKnown()) stop();
    else if (connection.bytesRead - before > openBytes) socket.terminate();
  };
  const stop = () => connection.off('data', count);
  connection.on('data', count);
  return stop;
}

/** Pings, and cuts a client that does not answer until the next ping. */
function keepAlive(socket: WebSocket): () => void {
  let isAlive = true;
  socket.on('pong', () => (isAlive = true));
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, keepAliveMs);
  return () => clearInterval(timer);
}

function send(socket: WebSocket, data: string): Promise<void> {
  if (socket.bufferedAmount > mostUnread) socket.terminate();
  if (socket.readyState !== socket.OPEN) return Promise.resolve();
  return new Promise((resolve) => socket.send(data, () => resolve()));
}

/** The operation ready to execute, or what is wrong with it. */
async function begin(
  schema: GraphQLSchema,
  extra: Extra,
  payload: SubscribePayload,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  const held = extra.held!;
  if (extra.operations >= mostOperations || !held.begin()) return refuse(extra);
  extra.operations += 1;
  try {
    if (!(await held.holds(true))) throw new GraphQLError('the credential does not hold any more');
    const { headers } = extra.request;
    return prepare(schema, payload, { actor: held.admitted.actor, headers });
  } catch (error) {
    finish(extra);
    return error instanceof InvalidDocument ? error.errors : [asGraphqlError(error)];
  }
}

function finish(extra: Extra): void {
  extra.operations -= 1;
  extra.held?.finish();
}

function refuse(extra: Extra): readonly GraphQLError[] {
  extra.refused += 1;
  // what was answered before goes first
  if (extra.refused > mostRefused) setImmediate(() => extra.socket.close(tooMany, 'Too many operations'));
  return [
    asGraphqlError(
      new QueryTooComplex(
        `more than ${mostOperations} operations are under way on this connection, or too many in all`,
      ),
    ),
  ];
}

function prepare(
  schema: GraphQLSchema,
  { query, operationName, variables }: SubscribePayload,
  contextValue: GraphqlContext,
): ExecutionArgs {
  const document = readDocument(schema, query);
  checkLimits(schema, document, variables);
  return { schema, document, operationName, variableValues: variables, contextValue };
}
