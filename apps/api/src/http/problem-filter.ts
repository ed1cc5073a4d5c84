import type { ArgumentsHost } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '@muster/platform/log';
import { internalProblem, refusalProblem, toProblem, type Problem } from './problem.ts';

/** Answers every error of every route as problem details. Without `@Catch` it catches all. */
export class ProblemFilter {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** The same for routes that are not Nest's. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    sendProblem(reply, this.#problemOf(error, request));
  }

  #problemOf(error: unknown, request: FastifyRequest): Problem {
    const { id: requestId, routeOptions } = request;
    const problem =
      toProblem(error) ?? refusalProblem(httpStatusOf(error), routeOptions?.bodyLimit) ?? internalProblem;
    // a client that has gone while it sent is no failure of ours
    if (problem.status >= 500 && !(request.raw.destroyed && !request.raw.complete)) {
      this.#log.error({ err: error, requestId, route: routeOptions?.url }, 'request failed');
    }
    return problem;
  }
}

/** The status of an error made by Fastify (`statusCode`) or Nest (`getStatus`); 500 of any other. */
function httpStatusOf(error: unknown): number {
  const { statusCode, getStatus } = error as { statusCode?: unknown; getStatus?: unknown };
  if (typeof getStatus === 'function') return Number(getStatus.call(error));
  return typeof statusCode === 'number' ? statusCode : 500;
}

/** Sends a problem with the headers its status asks for. */
export function sendProblem(reply: FastifyReply, problem: Problem): void {
  if (problem.status === 401) void reply.header('WWW-Authenticate', 'Bearer realm="muster"');
  if (problem.retryAfterSeconds) void reply.header('Retry-After', String(problem.retryAfterSeconds));
  if (problem.status === 503) void reply.header('Retry-After', '5');
  // a client that is still sending reads the answer only if the connection stays until it is done
  if (problem.status === 413) void reply.removeHeader('Connection');
  void reply.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}
