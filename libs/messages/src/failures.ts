/**
 * What a failure says about trying again. `transient`: something that the work needs is away, and whatever is
 * tried fails alike; waiting helps. `data`: what was to be worked on is at fault. `unknown`: neither can be told.
 */
export type FailureKind = 'transient' | 'data' | 'unknown';

/** A handler that neither resolved nor rejected in time. */
export class HandlerHung extends Error {
  readonly code = 'handler-hung';

  constructor(patienceMs: number) {
    super(`no end after ${patienceMs / 1_000} s`);
  }
}

/** SQLSTATE classes that tell of the server, its schema or its accounts, not of what was sent. */
const databaseState = /^(08|0A|25|26|28|3D|3F|40|42|53|55|57|58)[0-9A-Z]{3}$/;
/** A statement that took too long may be the fault of what it was given. */
const statementCanceled = '57014';
/** SQLSTATE classes of values that PostgreSQL does not take. */
const databaseData = /^(21|22|23|54)[0-9A-Z]{3}$/;
const system =
  /^(ECONN\w+|E(PIPE|TIMEDOUT|HOSTUNREACH|HOSTDOWN|NETUNREACH|NETDOWN|NOTFOUND|AI_AGAIN|MFILE|NFILE|NOSPC|NOBUFS)|UND_ERR_\w+|ERR_SOCKET_\w+|ABORT_ERR)$/;
const names =
  /^(AbortError|MaxRetriesPerRequestError|TimeoutError|NoRespondersError|ClosedConnectionError|DrainingConnectionError|ConnectionError|AbortOnMissingResource)$/;
/** What the drivers say without a code when a connection is gone, and Redis while it cannot serve. */
const messages = [
  /^Connection terminated/,
  /^timeout exceeded when trying to connect/,
  /^Client (has encountered a connection error|was closed)/,
  /^Cannot use a pool after calling end/,
  /^driver has already been destroyed/,
  /^Connection is closed/,
  /^Stream isn't writeable/,
  /^Command timed out/,
  /^(LOADING|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|BUSY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM) /,
];
const mistakes = new Set([
  'RangeError',
  'TypeError',
  'SyntaxError',
  'ReferenceError',
  'URIError',
  'ZodError',
]);

export function kindOfFailure(error: unknown): FailureKind {
  const chain = [...causes(error)];
  if (chain.some(isTransient)) return 'transient';
  return chain.some(isOfData) ? 'data' : 'unknown';
}

function isTransient(error: Error): boolean {
  const code = codeOf(error);
  if (code === statementCanceled) return false;
  if ((error as { retryable?: unknown }).retryable === true) return true;
  if (databaseState.test(code) || system.test(code) || names.test(error.name)) return true;
  return messages.some((message) => message.test(error.message));
}

function isOfData(error: Error): boolean {
  return databaseData.test(codeOf(error)) || mistakes.has(error.name);
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

const deepest = 8;

/** The error, what caused it and what it gathers. */
function* causes(error: unknown, depth = 0): Generator<Error> {
  if (!(error instanceof Error) || depth > deepest) return;
  yield error;
  yield* causes(error.cause, depth + 1);
  if (error instanceof AggregateError) {
    for (const one of error.errors.slice(0, 20)) yield* causes(one, depth + 1);
  }
}

const longestText = 300;
const secretValue =
  /\b(pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|bearer|basic|credentials?)\b(["']?\s*[:=]\s*|\s+)\S+/gi;
const userInfo = /(:\/\/)[^\s/@]+@/g;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const longToken = /[\w+/=-]{16,}/g;
/** Names that PostgreSQL quotes; all else in quotes is a value. */
const quoted =
  /(\b(?:column|relation|constraint|table|type|function|index|encoding|subject)\s+)?(["'`])(?:(?!\2).)*\2/g;

/**
 * One line that tells what went wrong, of 300 characters at most, without what was being worked on: what
 * is quoted, what stands after the name of a secret and what looks like one is left out.
 */
export function describeFailure(error: unknown): string {
  const [first, second] = causes(error);
  // Cut first: the searches below are to see little, whatever the text is.
  const said = [first ? first.message : String(error), ...(second ? [second.message] : [])]
    .map((text) => text.slice(0, 2 * longestText))
    .join(': ');
  const text = said
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .replaceAll(quoted, (whole, name: string | undefined) => (name ? whole : '"…"'))
    .replaceAll(secretValue, '$1$2[REDACTED]')
    .replaceAll(userInfo, '$1[REDACTED]@')
    .replaceAll(longToken, (token) => (looksSecret(token) ? '[REDACTED]' : token))
    .trim()
    .toWellFormed();
  const code = first ? codeOf(second ?? first) : '';
  const told = `${first?.name ?? 'failure'}${code && ` ${code}`}: ${text || 'no reason given'}`;
  return told.length <= longestText ? told : `${told.slice(0, longestText - 1).toWellFormed()}…`;
}

function looksSecret(token: string): boolean {
  return /\d/.test(token) && /[a-z]/i.test(token) && !uuid.test(token);
}

/** Where it went wrong, for the log: the first frames of the stack without its text. */
export function placeOf(error: unknown): string[] {
  if (!(error instanceof Error) || !error.stack) return [];
  return [...error.stack.matchAll(/^ {4}at .{1,200}/gm)].slice(0, 6).map(([frame]) => frame.trim());
}
