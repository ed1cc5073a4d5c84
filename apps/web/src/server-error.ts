import type { CombinedError } from 'urql';

/** Something wrong in a configuration's text. Lines and columns count from 1. */
export interface Problem {
  severity: string;
  message: string;
  path: string | null;
  line: number | null;
  column: number | null;
  /** "": the body; a further file's name; or an overlay, as in `overlays[0]`. */
  file: string;
  /** Uids of agents it concerns, up to 100; empty: all. */
  agents: string[];
  /** How many it concerns; null: all. */
  agentCount: number | null;
}

/** One thing the server refused, or why it could not be asked. */
export interface ServerError {
  code: string;
  /** The argument at fault. */
  field: string | null;
  message: string;
  /** Where in the field's text, counted from 0. */
  position: number | null;
  problems: Problem[];
}

export const unreachable: ServerError = {
  code: 'unreachable',
  field: null,
  message: 'Muster does not answer. Is it running, and is the network up?',
  position: null,
  problems: [],
};

/** The errors of an answer in the server's words; none when there is no error. */
export function serverErrors(error: CombinedError | undefined): ServerError[] {
  if (!error) return [];
  if (error.graphQLErrors.length === 0) return [unreachable];
  return error.graphQLErrors.map(({ message, extensions }) => ({
    code: typeof extensions['code'] === 'string' ? extensions['code'] : '',
    field: typeof extensions['field'] === 'string' ? extensions['field'] : null,
    message,
    position: typeof extensions['position'] === 'number' ? extensions['position'] : null,
    problems: Array.isArray(extensions['problems']) ? extensions['problems'].map(toProblem) : [],
  }));
}

/** What a refusal says of a text is said for all agents. */
function toProblem(problem: Partial<Problem> & Pick<Problem, 'severity' | 'message'>): Problem {
  return { path: null, line: null, column: null, file: '', agents: [], agentCount: null, ...problem };
}

/**
 * Parts errors into those a form shows beside a field of its own, and the rest. The server names members of
 * a field with a path (`policy.waves[0]`); they belong to the longest of `fields` the path begins with.
 */
export function byField<Field extends string>(
  error: CombinedError | undefined,
  fields: readonly Field[],
): { fields: Partial<Record<Field, ServerError>>; rest: ServerError[] } {
  const parted: { fields: Partial<Record<Field, ServerError>>; rest: ServerError[] } = {
    fields: {},
    rest: [],
  };
  for (const each of serverErrors(error)) {
    const field = longestPrefix(each.field ?? '', fields);
    if (field && !parted.fields[field]) parted.fields[field] = each;
    else parted.rest.push(each);
  }
  return parted;
}

function longestPrefix<Field extends string>(path: string, fields: readonly Field[]): Field | undefined {
  return fields
    .filter((field) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`))
    .sort((a, b) => b.length - a.length)[0];
}

/** The server no longer knows who is asking. */
export function isSignedOut(error: CombinedError): boolean {
  const response: unknown = error.response;
  if (response instanceof Response && response.status === 401) return true;
  return serverErrors(error).some(({ code }) => code.toLowerCase() === 'unauthenticated');
}
