import { GraphQLError, type FormattedExecutionResult, type GraphQLFormattedError } from 'graphql/index.js';
import type { Log } from '@muster/platform/log';
import { internalProblem, refusalProblem, toProblem, type Problem } from '../http/problem.ts';

/**
 * An error as clients see it: the same codes and fields as REST, in `extensions`. What was not foreseen is
 * logged and says nothing.
 */
export function formatError(error: GraphQLError, log: Log): GraphQLFormattedError {
  const { locations, path, originalError } = error;
  const place = { ...(locations && { locations }), ...(path && { path }) };
  if (!originalError) return { message: error.message, ...place, extensions: { code: 'invalid-query' } };
  const { detail, code, field, errors, problems, position } = problemOf(originalError, log);
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

function problemOf(error: Error, log: Log): Problem {
  const known = toProblem(error) ?? refusalProblem((error as { statusCode?: number }).statusCode ?? 500);
  if (known) return known;
  log.error({ err: error }, 'GraphQL operation failed');
  return internalProblem;
}

/** The status of an HTTP answer that has nothing but errors. */
export function statusOfErrors(errors: readonly GraphQLError[]): number {
  const statuses = errors.map(({ originalError }) => {
    if (!originalError) return 400;
    const { statusCode = 500 } = originalError as { statusCode?: number };
    return (toProblem(originalError) ?? refusalProblem(statusCode) ?? internalProblem).status;
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
