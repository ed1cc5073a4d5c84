import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLError, ExecutionArgs, GraphQLSchema } from 'graphql/index.js';
import { useServer, type Extra } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { SubscribePayload } from 'graphql-ws';
import type { Actor } from '@muster/access/actor';
import type { Log } from '@muster/platform/log';
import type { Running } from '@muster/platform/running';
import { isCrossOrigin, type Authentication } from '../http/authentication.ts';
import { formatError, formatResult, asGraphqlError } from './graphql-errors.ts';
import { checkLimits } from './limits.ts';
import { InvalidDocument, readDocument } from './read-document.ts';
import type { GraphqlContext } from './resolvers.ts';

const path = '/graphql';
const maxMessageBytes = 256 * 1024;
/** Close code of the graphql-transport-ws protocol for a credential that does not (any longer) hold. */
const forbidden = 4403;
/** Close code of RFC 6455's registry. */
const tryAgainLater = 1013;

interface SocketDeps {
  server: Server;
  schema: GraphQLSchema;
  authentication: Authentication;
  log: Log;
  /** How often an open connection's credential is judged anew. */
  recheckMs: number;
}

/**
 * GraphQL over WebSocket (graphql-transport-ws), subscriptions above all. The credential is the session
 * cookie of the upgrade, its `Authorization` header, or `authorization` in the connection's parameters;
 * a connection ends when it no longer holds. Pages of other origins are refused.
 */
export function serveGraphqlSockets(deps: SocketDeps): Running {
  const { server, schema, authentication, log } = deps;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    handleProtocols: (offered) => (offered.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
  });
  const actors = new WeakMap<Extra['socket'], Actor>();

  const protocol = useServer<Record<string, unknown>>(
    {
      isProd: true, // tells clients nothing of failures inside
      async onConnect({ extra, connectionParams }) {
        const judge = () => judgeCredential(authentication, extra.request, connectionParams);
        const actor = await judge().catch((error: unknown) => {
          log.warn({ err: error }, 'the credential of a WebSocket could not be judged');
          extra.socket.close(tryAgainLater, 'Try again later');
          return null;
        });
        if (!actor) return false;
        actors.set(extra.socket, actor);
        closeWhenRefused(extra.socket, judge, deps.recheckMs);
        return true;
      },
      onSubscribe: ({ extra }, _id, payload) =>
        prepare(schema, payload, { actor: actors.get(extra.socket)! }),
      onNext: (_context, _id, _payload, _args, result) => formatResult(result, log),
      onError: (_context, _id, _payload, errors) => errors.map((error) => formatError(error, log)),
    },
    sockets,
  );

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
    async stop() {
      server.off('upgrade', onUpgrade);
      await protocol.dispose();
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}

function refuseUpgrade(request: IncomingMessage): string | null {
  if (request.url?.split('?')[0] !== path) return '404 Not Found';
  return isCrossOrigin(request.headers) ? '403 Forbidden' : null;
}

async function judgeCredential(
  authentication: Authentication,
  request: IncomingMessage,
  parameters: Readonly<Record<string, unknown>> | undefined,
): Promise<Actor | null> {
  const authorization = parameters?.['authorization'];
  if (typeof authorization === 'string') return authentication.byAuthorization(authorization);
  return authentication.actorOf(request.headers);
}

/** Signing out and revoking a key end what they let in, within one interval. */
function closeWhenRefused(
  socket: Extra['socket'],
  judge: () => Promise<Actor | null>,
  everyMs: number,
): void {
  const timer = setInterval(() => {
    // a database that is away says nothing about the credential
    judge().then(
      (actor) => !actor && socket.close(forbidden, 'Forbidden'),
      () => {},
    );
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
}

/** The operation ready to execute, or what is wrong with it. */
function prepare(
  schema: GraphQLSchema,
  { query, operationName, variables }: SubscribePayload,
  contextValue: GraphqlContext,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const document = readDocument(schema, query);
    checkLimits(schema, document, variables);
    return { schema, document, operationName, variableValues: variables, contextValue };
  } catch (error) {
    return error instanceof InvalidDocument ? error.errors : [asGraphqlError(error)];
  }
}
