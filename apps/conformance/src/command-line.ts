import { parseArgs } from 'node:util';
import { MusterOperator } from './muster-operator.ts';
import type { Row } from './row.ts';
import type { Target } from './row-context.ts';

export const usage = `npm run conformance -- --url <address> [options]

  --url <address>             OpAMP endpoint, ws:// or http:// (wss://, https://); both transports are asked there
  --token <text>              credential of agents: Authorization: Bearer <text>
  --api <address>             Muster's REST API, for the rows that need an operator
  --api-key <text>            its key
  --only <numbers>            rows or chapters: 2.9,3
  --max-message-bytes <n>     the server's limit for one message (default 67108864)
  --json <file>               writes the results for programs
  --markdown <file>           writes them as a table

Ends with 1 when a MUST is not met.
`;

/** What cannot be understood, for people. */
export class BadArguments extends Error {}

export interface Arguments {
  target: Target;
  rows: Row[];
  json: string | null;
  markdown: string | null;
}

const defaultLimit = 64 << 20;
const protocols = ['ws:', 'wss:', 'http:', 'https:'];

/** Reads the command line. Throws `BadArguments`. */
export function readArguments(args: string[], allRows: readonly Row[]): Arguments {
  const values = valuesOf(args);
  if (values.url === undefined) throw new BadArguments('--url is missing');
  const url = addressOf('--url', values.url, protocols);
  const api = values.api === undefined ? null : addressOf('--api', values.api, ['http:', 'https:']);
  if (api && values['api-key'] === undefined) throw new BadArguments('--api needs --api-key');
  const maxMessageBytes = Number(values['max-message-bytes'] ?? defaultLimit);
  if (!Number.isSafeInteger(maxMessageBytes) || maxMessageBytes < 1_024) {
    throw new BadArguments('--max-message-bytes must be a whole number of at least 1024');
  }
  return {
    target: {
      url,
      token: values.token ?? null,
      operator: api && new MusterOperator(api, values['api-key']!),
      maxMessageBytes,
    },
    rows: pick(allRows, values.only),
    json: values.json ?? null,
    markdown: values.markdown ?? null,
  };
}

function valuesOf(args: string[]) {
  const text = { type: 'string' } as const;
  const options = {
    url: text,
    token: text,
    api: text,
    'api-key': text,
    only: text,
    'max-message-bytes': text,
    json: text,
    markdown: text,
  };
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new BadArguments(error instanceof Error ? error.message : String(error));
  }
}

function addressOf(name: string, value: string, allowed: readonly string[]): URL {
  const url = URL.parse(value);
  if (!url || !allowed.includes(url.protocol)) {
    throw new BadArguments(
      `${name} must be an address that begins with ${allowed.map((p) => `${p}//`).join(' or ')}`,
    );
  }
  return url;
}

/** Rows by number, or all of a chapter. */
function pick(rows: readonly Row[], only: string | undefined): Row[] {
  if (only === undefined) return [...rows];
  const wanted = only.split(',').map((number) => number.trim());
  const picked = rows.filter(
    ({ number }) => wanted.includes(number) || wanted.includes(number.split('.')[0]!),
  );
  if (picked.length === 0) throw new BadArguments(`--only ${only} names no row`);
  return picked;
}
