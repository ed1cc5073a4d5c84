import { STATUS_CODES } from 'node:http';
import type * as AccessErrors from '@muster/access/errors';
import type * as AgentErrors from '@muster/agents/errors';
import type * as ConfigErrors from '@muster/configs/errors';
import type * as MessageErrors from '@muster/messages/errors';
import type * as RolloutErrors from '@muster/rollouts/errors';
import type * as ApiErrors from './errors.ts';
import type { FieldError } from './errors.ts';

/** RFC 9457 problem details, with a stable `code` to tell problems apart. */
export interface Problem {
  type: 'about:blank';
  title: string;
  status: number;
  detail: string;
  code: string;
  /** What the problem is about: dotted path in the body, or the name of a parameter. */
  field?: string;
  /** All fields that are wrong, when a request has several. */
  errors?: readonly FieldError[];
  /** Where in the text of `field`, from 0. */
  position?: number;
  /** Seconds after which to try again. */
  retryAfterSeconds?: number;
  /** What is wrong in the text of a configuration. */
  problems?: readonly unknown[];
}

type CodeIn<M> = {
  [K in keyof M]: M[K] extends abstract new (...args: never[]) => { readonly code: infer C extends string }
    ? C
    : never;
}[keyof M];

type ErrorCode =
  | CodeIn<typeof AccessErrors>
  | CodeIn<typeof AgentErrors>
  | CodeIn<typeof ConfigErrors>
  | CodeIn<typeof MessageErrors>
  | CodeIn<typeof RolloutErrors>
  | CodeIn<typeof ApiErrors>;

/**
 * The HTTP status of every error that the API can meet; null: no client's business. Their messages are safe
 * to show, unless there is another in `shown`.
 */
const statusOf: Record<ErrorCode, number | null> = {
  'invalid-request': 400,
  'invalid-cursor': 400,
  'invalid-selector': 400,
  'invalid-label': 400,
  'invalid-name': 400,
  'invalid-policy': 400,
  'invalid-priority': 400,
  'invalid-overlay': 400,
  'invalid-variable': 400,
  'invalid-fleet-tokens': 400,
  'query-too-complex': 400,
  'subscription-over-http': 400,
  unauthenticated: 401,
  'too-many-wrong-credentials': 429,
  'cross-origin': 403,
  'unknown-route': 404,
  'unknown-agent': 404,
  'unknown-configuration': 404,
  'unknown-configuration-version': 404,
  'unknown-fleet': 404,
  'unknown-rollout': 404,
  'unknown-quarantine': 404,
  'unknown-dead-letter': 404,
  'unknown-enrollment-token': 404,
  'agent-offline': 409,
  'command-refused': 409,
  'configuration-exists': 409,
  'enrollment-token-revoked': 409,
  'fleet-in-use': 409,
  'rollout-state-conflict': 409,
  'offers-held': 409,
  'no-offer-hold': 409,
  'not-replayable': 409,
  'invalid-configuration': 422,
  'invalid-template': 422,
  'not-renderable': 422,
  'request-failed': 502,
  'bus-unavailable': 503,
  'gateway-unreachable': 503,
  'message-too-large': null,
  'report-refused': null,
};

const shown: Partial<Record<ErrorCode, string>> = {
  'request-failed': 'another part of Muster failed; its log says why',
  'bus-unavailable': 'the event bus cannot be reached now; try again',
};

/** Characters of a message: some repeat what the client sent. */
const longestDetail = 2_000;
/** Problems of a configuration's text that one answer lists. */
const mostProblems = 200;

/** PostgreSQL is away, or coming up or going down (SQLSTATE classes 08 and 57P, Node's socket errors). */
const databaseAway = /^(08\w{3}|57P0\d|ECONN\w+|EPIPE|ETIMEDOUT)$/;

/** What to tell the client about an error; null: nothing but that something went wrong, for it was not foreseen. */
export function toProblem(error: unknown): Problem | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return null;
  const status = Object.hasOwn(statusOf, code) ? statusOf[code as ErrorCode] : null;
  if (status !== null) return describe(error, status, code as ErrorCode);
  if (databaseAway.test(code)) {
    return problem(503, 'database-unavailable', 'the database cannot be reached now; try again');
  }
  return null;
}

function describe(error: Error, status: number, code: ErrorCode): Problem {
  const { field, errors, position, problems, retryAfterSeconds } = error as Partial<Problem>;
  const detail = clipDetail(shown[code] ?? error.message);
  const isCut = problems !== undefined && problems.length > mostProblems;
  return {
    ...problem(status, code, isCut ? `${detail} (the first ${mostProblems} of ${problems.length})` : detail),
    ...(field !== undefined && { field }),
    ...(errors !== undefined && { errors }),
    ...(position !== undefined && { position }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(problems !== undefined && { problems: problems.slice(0, mostProblems) }),
  };
}

/** A message at a length that is fit to be read. */
export function clipDetail(text: string): string {
  return text.length > longestDetail ? `${text.slice(0, longestDetail)}…` : text;
}

/** A problem that has no error class: what the HTTP layer itself refuses, or an internal failure. */
export function problem(status: number, code: string, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

export const malformedAddress = problem(400, 'malformed-address', 'the address is not a well-formed URL');
export const internalProblem = problem(500, 'internal', 'something went wrong; the log of the API says what');

const refusals: Record<number, [code: string, detail: string]> = {
  400: ['malformed-request', 'the request is not well-formed HTTP or JSON'],
  404: ['unknown-route', 'nothing is served here under this method and path'],
  408: ['request-timeout', 'the request took too long to arrive'],
  413: ['body-too-large', 'the body is larger than this server takes'],
  414: ['address-too-long', 'the address is longer than this server takes'],
  415: ['unsupported-media-type', 'send the body as application/json'],
  431: ['headers-too-large', 'the headers are larger than this server takes'],
};

/**
 * A problem for what the HTTP layer refused with this status; null when it is no refusal.
 *
 * @param bodyLimit bytes that the call takes
 */
export function refusalProblem(status: number, bodyLimit?: number): Problem | null {
  if (status < 400 || status > 499) return null;
  const [code, detail] = refusals[status] ?? ['malformed-request', 'the request cannot be handled'];
  const isTooLarge = status === 413 && bodyLimit !== undefined;
  const refused = problem(status, code, isTooLarge ? `the body has more than ${bodyLimit} bytes` : detail);
  return status === 413 || code === 'malformed-request' ? { ...refused, field: 'body' } : refused;
}
