import { GraphQLError, type FormattedExecutionResult, type GraphQLFormattedError } from 'graphql/index.js';
import type { Log } from '@muster/platform/log';
import { clipDetail, internalProblem, refusalProblem, toProblem, type Problem } from '../http/problem.ts';

/**
 * An error as clients see it: the same codes and fields as REST, in `extensions`. What was not foreseen is
 * logged and says nothing.
 */
export function formatError(error: GraphQLError, log: Log): GraphQLFormattedError {
  const { locations, path } = error;
  const place = { ...(locations && { locations }), ...(path && { path }) };
  const cause = causeOf(error);
  if (!cause) return { message: clipDetail(error.message), ...place, extensions: { code: 'invalid-query' } };
  const { detail, code, field, errors, problems, position } = problemOf(cause, log);
  return {
    message: detail,
    ...place,
    extensions: {
      code,
      ...(field !== undefined && { field }),
      ...(errors !== undefined && { errors }),
      ...(problems !== undefined && { problems }),
      ...(position !== undefined && { position }),
    },
  };
}

/** What a resolver threw; null: GraphQL itself refused the operation. */
function causeOf(error: GraphQLError): Error | null {
  const { originalError } = error;
  return originalError instanceof GraphQLError ? causeOf(originalError) : (originalError ?? null);
}

function knownProblem(error: Error): Problem | null {
  return toProblem(error) ?? refusalProblem((error as { statusCode?: number }).statusCode ?? 500);
}

function problemOf(error: Error, log: Log): Problem {
  const problem = knownProblem(error) ?? internalProblem;
  if (problem.status >= 500) log.error({ err: error }, 'GraphQL operation failed');
  return problem;
}

/** The status of an HTTP answer that has nothing but errors. */
export function statusOfErrors(errors: readonly GraphQLError[]): number {
  const statuses = errors.map((error) => {
    const cause = causeOf(error);
    return cause ? (knownProblem(cause) ?? internalProblem).status : 400;
  });
  return Math.max(...statuses);
}

interface Result {
  data?: Record<string, unknown> | null | undefined;
  errors?: readonly GraphQLError[] | undefined;
}

/** A result whose errors are fit to be seen. */
export function formatResult({ data, errors }: Result, log: Log): FormattedExecutionResult {
  return {
    ...(data !== undefined && { data }),
    ...(errors && { errors: errors.map((error) => formatError(error, log)) }),
  };
}

/** An error thrown outside of any resolver. */
export function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
