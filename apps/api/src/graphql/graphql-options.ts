import { GraphQLError, type DocumentNode, type ExecutionResult, type GraphQLSchema } from 'graphql';
import type { FastifyRequest } from 'fastify';
import type { MercuriusOptions } from 'mercurius';
import type { Log } from '@muster/platform/log';
import { actorOf } from '../http/guard.ts';
import { toProblem } from '../http/problem.ts';
import { formatError } from './graphql-errors.ts';
import { maxTokens } from './limits.ts';

/** GraphQL over HTTP. Subscriptions have a server of their own, for what Mercurius' one sends and checks is too little. */
export function graphqlOptions(schema: GraphQLSchema, log: Log): MercuriusOptions {
  return {
    schema,
    path: '/graphql',
    graphiql: false,
    subscription: false,
    allowBatchedQueries: false,
    additionalParseOptions: {},
    context: (request: FastifyRequest) => ({ actor: actorOf(request) }),
    errorFormatter: (result) => formatAnswer(result, log),
  } as MercuriusOptions;
}
