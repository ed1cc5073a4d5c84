import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** A command that cannot be carried out; the message names the reason and the way out. */
export class CommandFailed extends Error {
  readonly code = 'command-failed';
}

export const deadLetterUsage = `muster deadletter: messages that were set aside because they could not be processed

  muster deadletter list          the latest first
  muster deadletter show ID
  muster deadletter replay ID     have it processed again; if that fails, it comes back under another id
  muster deadletter delete ID     give it up for good

  --url URL    address of the API (default http://$MUSTER_HOST:$MUSTER_API_PORT, or http://127.0.0.1:4321)
  --key KEY    an API key (default: the environment's MUSTER_ADMIN_TOKEN, or the file admin-key in MUSTER_DATA_DIR)
  --limit N    of list (default 50)
  --after ID   of list: only older ones
  --json       what the API answers, as it is
`;

type Environment = Record<string, string | undefined>;

interface Order {
  verb: 'list' | 'show' | 'replay' | 'delete';
  id: string | null;
  url: URL;
  key: string;
  limit: string;
  after: string | null;
  json: boolean;
}

interface Letter {
  id: string;
  subject: string;
  group: string;
  at: string;
  tries: number;
  error: string;
  agent: string | null;
  bytes: number;
}

/** Carries out the command line after `deadletter`. Throws `CommandFailed`. */
export async function runDeadLetterCommand(
  args: string[],
  environment: Environment,
  print: (text: string) => void,
): Promise<void> {
  const order = readOrder(args, environment);
  const path = `/api/v1/dead-letters${order.id === null ? '' : `/${encodeURIComponent(order.id)}`}`;
  switch (order.verb) {
    case 'list': {
      const query = new URLSearchParams({
        limit: order.limit,
        ...(order.after !== null && { after: order.after }),
      });
      const page = (await call(order, 'GET', `${path}?${query.toString()}`)) as {
        items: Letter[];
        next: string | null;
      };
      return print(order.json ? asJson(page) : table(page));
    }
    case 'show': {
      const letter = (await call(order, 'GET', path)) as Letter;
      return print(order.json ? asJson(letter) : sheet(letter));
    }
    case 'replay':
      await call(order, 'POST', `${path}/replay`);
      return print(`${order.id} is processed again\n`);
    case 'delete':
      await call(order, 'DELETE', path);
      return print(`${order.id} is deleted\n`);
  }
}

function readOrder(args: string[], environment: Environment): Order {
  const text = { type: 'string' } as const;
  const options = { url: text, key: text, limit: text, after: text, json: { type: 'boolean' } } as const;
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw misused((error as Error).message.split(/\.\s|\.$|\n/)[0]!);
  }
  const { values, positionals } = parsed;
  const [verb = 'list', id = null, ...others] = positionals;
  if (verb !== 'list' && verb !== 'show' && verb !== 'replay' && verb !== 'delete') {
    throw misused(`there is no "deadletter ${verb}"`);
  }
  if (others.length > 0 || (verb === 'list' && id !== null)) throw misused('there is one id too many');
  if (verb !== 'list' && id === null) throw misused(`"deadletter ${verb}" needs the id of a dead letter`);
  return {
    verb,
    id,
    url: readUrl(values.url, environment),
    key: values.key ?? readKey(environment),
    limit: values.limit ?? '50',
    after: values.after ?? null,
    json: values.json ?? false,
  };
}

function misused(problem: string): CommandFailed {
  return new CommandFailed(`${problem}: run "muster deadletter --help"`);
}

function readUrl(given: string | undefined, environment: Environment): URL {
  const host = environment['MUSTER_HOST'] || '127.0.0.1';
  // A server that listens on all addresses is asked on this machine.
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const port = environment['MUSTER_API_PORT'] || '4321';
  const url = given ?? `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CommandFailed(
      `--url is ${JSON.stringify(url)}: give the address of the API, such as http://127.0.0.1:4321`,
    );
  }
  return new URL(url);
}

function readKey(environment: Environment): string {
  const preset = environment['MUSTER_ADMIN_TOKEN'];
  if (preset) return preset;
  const file = join(environment['MUSTER_DATA_DIR'] || './.muster', 'admin-key');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new CommandFailed(
      `there is no API key: give --key, set MUSTER_ADMIN_TOKEN, or MUSTER_DATA_DIR to where ${file} would be found`,
    );
  }
}

async function call({ url, key }: Order, method: string, path: string): Promise<unknown> {
  let response: Response;
  let body: string;
  try {
    const target = new URL(`${url.pathname.replace(/\/$/, '')}${path}`, url);
    response = await fetch(target, {
      method,
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(30_000),
    });
    body = await response.text();
  } catch (error) {
    const { cause = error } = error as { cause?: unknown };
    const reason = (cause as { code?: string }).code ?? (cause as Error).message;
    throw new CommandFailed(
      `the API at ${url.origin} cannot be reached (${reason}): is it running, and is --url right?`,
    );
  }
  const answer = body === '' ? null : readJson(body);
  if (response.ok) return answer;
  const { detail, field } = (answer ?? {}) as { detail?: string; field?: string };
  throw new CommandFailed(
    `the API at ${url.origin} answers ${response.status}${detail ? `: ${field ? `${field}: ` : ''}${detail}` : ''}`,
  );
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailed('the answer is no JSON: --url is not the address of a Muster API');
  }
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function table({ items, next }: { items: Letter[]; next: string | null }): string {
  if (items.length === 0) return 'There are no dead letters.\n';
  const lines = items.map(
    ({ id, at, subject, group, agent, tries, error }) =>
      `${id}  ${at}  ${subject} → ${group}${agent ? `  agent ${agent}` : ''}  ${tries} tries\n    ${error}`,
  );
  return `${lines.join('\n')}\n${next === null ? '' : `Older ones: --after ${next}\n`}`;
}

function sheet(letter: Letter): string {
  const rows = {
    id: letter.id,
    'set aside': letter.at,
    subject: letter.subject,
    group: letter.group,
    agent: letter.agent ?? '–',
    tries: letter.tries,
    size: `${letter.bytes} bytes`,
    error: letter.error,
  };
  return Object.entries(rows)
    .map(([name, value]) => `${name.padEnd(10)} ${value}\n`)
    .join('');
}
