import { GraphQLError, type ExecutionResult, type FormattedExecutionResult, type GraphQLFormattedError } from 'graphql';
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

/** A result whose errors are fit to be seen. */
export function formatResult(result: ExecutionResult, log: Log): FormattedExecutionResult {
  const { errors, ...rest } = result;
  return errors ? { ...rest, errors: errors.map((error) => formatError(error, log)) } : rest;
}

/** An error thrown outside of any resolver. */
export function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
