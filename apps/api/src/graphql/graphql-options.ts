import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql/index.js';
import type { MercuriusOptions } from 'mercurius';
import type { Log } from '@muster/platform/log';
import { actorOf } from '../http/guard.ts';
import { leaveUncompressed } from '../http/compression.ts';
import { SubscriptionOverHttp } from '../http/errors.ts';
import { sendProblem } from '../http/problem-filter.ts';
import { toProblem } from '../http/problem.ts';
import { asGraphqlError, formatResult, statusOfErrors } from './graphql-errors.ts';
import { checkLimits } from './limits.ts';
import { maxTokens, readDocument } from './read-document.ts';

/**
 * GraphQL over HTTP. Subscriptions have a server of their own (`graphql-socket.ts`): the one in Mercurius
 * neither validates their documents nor hides what went wrong inside.
 */
export function graphqlOptions(schema: GraphQLSchema, log: Log): MercuriusOptions {
  return {
    schema,
    path: '/graphql',
    graphiql: false,
    subscription: false,
    graphql: { parseOptions: { maxTokens } },
    // documents that were taken; each may be long
    cache: 100,
    context: (request: FastifyRequest) => ({
      // also made for requests that the guard refused
      get actor() {
        return actorOf(request);
      },
      headers: request.headers,
    }),
    errorHandler(error, _request, reply) {
      const refused = toProblem(error);
      if (refused && [401, 403, 429].includes(refused.status)) return sendProblem(reply, refused);
      const errors = flatten([asGraphqlError(error)]);
      void reply.status(statusOfErrors(errors)).send(formatResult({ errors }, log));
    },
    errorFormatter({ data, errors }) {
      const all = flatten(errors);
      // a result that has data, if only null, went through execution: its errors are a part of it
      const statusCode = data === undefined ? statusOfErrors(all) : 200;
      return { statusCode, response: formatResult({ data: data ?? null, errors: all }, log) };
    },
  };
}

interface Asked {
  operationName?: string | null;
}

/** Hooks that refuse operations before they are executed. */
export const graphqlHooks = {
  /** Before Mercurius, which validates without limits and would take a syntax tree in JSON as well. */
  preParsing(schema: GraphQLSchema, source: string, { reply }: { reply: FastifyReply }): void {
    const document = readDocument(schema, source);
    const { body, query } = reply.request as { body?: Asked | null; query: Asked };
    const { operationName } = body ?? query;
    if (operationName && !getOperationAST(document, operationName))
      throw new GraphQLError(`Unknown operation named "${operationName}".`);
  },
  preExecution(
    schema: GraphQLSchema,
    document: DocumentNode,
    { reply }: { reply: FastifyReply },
    variables: Record<string, unknown>,
  ): void {
    if (document.definitions.some(isMutation)) leaveUncompressed(reply.request);
    if (document.definitions.some(isSubscription)) throw new SubscriptionOverHttp();
    checkLimits(schema, document, variables);
  },
};

const isOperation = (operation: OperationTypeNode) => (definition: DefinitionNode) =>
  definition.kind === Kind.OPERATION_DEFINITION && definition.operation === operation;
const isMutation = isOperation(OperationTypeNode.MUTATION);
const isSubscription = isOperation(OperationTypeNode.SUBSCRIPTION);

/** Mercurius wraps all validation errors of a document into one. */
function flatten(errors: readonly GraphQLError[]): GraphQLError[] {
  return errors.flatMap((error) => {
    const { errors: wrapped } = (error.originalError ?? {}) as { errors?: unknown };
    return Array.isArray(wrapped) && wrapped.every((each) => each instanceof GraphQLError)
      ? wrapped
      : [error];
  });
}
