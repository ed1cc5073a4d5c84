import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { agentKinds, type AgentKindName } from '@muster/simulator/agent-kinds';
import { simulatorDefaults, type GivenOptions } from '@muster/simulator/options';

/** An option that cannot be used; the message names it and the way out. */
export class BadOption extends Error {
  readonly code = 'bad-option';
}

export interface SimulateOptions {
  fleet: GivenOptions;
  processes: number;
  /** Null: until it is stopped. */
  seconds: number | null;
  json: boolean;
}

const kindNames = Object.keys(agentKinds).join(', ');

export const simulateUsage = `muster simulate: many agents that behave as collectors under a supervisor do

  --url URL              ws, wss, http or https; several: agents take them in turn
                         (default ws://127.0.0.1:4320/v1/opamp)
  --token TOKEN          enrollment token (default: the environment's MUSTER_ENROLLMENT_TOKEN)
  --agents N             (default ${simulatorDefaults.agents})
  --heartbeat SECONDS    0: none (default ${simulatorDefaults.heartbeatSeconds})
  --kinds A,B            of ${kindNames} (default: all)
  --effective-bytes N    size of the configuration they run at first (default ${simulatorDefaults.effectiveBytes})
  --per-connection N     so many agents share a connection, as behind a gateway (default 1)
  --apply-ms N           from an offer to APPLIED (default 1000)
  --fail SHARE           0 to 1: say FAILED to offers (default 0)
  --unhealthy SHARE      unhealthy from the start (default 0)
  --vanish SHARE         break off within a minute, for good (default 0)
  --churn SHARE          each minute, drop and return or change health (default 0)
  --attribute KEY=VALUE  reported by all; may be repeated
  --seed N               the same seed makes the same agents (default 1)
  --dials N              connections being opened at a time (default ${simulatorDefaults.dialsInFlight})
  --processes N          more than one 15,000 connections need (default: as few as do)
  --ca FILE, --cert FILE, --key FILE   PEM, for wss and https
  --seconds N            end after so long (default: at Ctrl-C)
  --json                 the end report as JSON on stdout, the live line on stderr
`;

const text = { type: 'string' } as const;
const many = { type: 'string', multiple: true } as const;
const flags = {
  url: many,
  token: text,
  agents: text,
  heartbeat: text,
  kinds: text,
  'effective-bytes': text,
  'per-connection': text,
  'apply-ms': text,
  fail: text,
  unhealthy: text,
  vanish: text,
  churn: text,
  attribute: many,
  seed: text,
  dials: text,
  processes: text,
  ca: text,
  cert: text,
  key: text,
  seconds: text,
  json: { type: 'boolean' },
} as const;

/** Reads the command line after `simulate`. Throws `BadOption`. */
export function readSimulateOptions(
  args: string[],
  environment: Record<string, string | undefined>,
): SimulateOptions {
  const values = parse(args);
  const whole = (name: keyof typeof flags, fallback: number, least = 0) =>
    readNumber(
      name,
      values[name] as string | undefined,
      fallback,
      (n) => Number.isInteger(n) && n >= least,
      `a whole number from ${least} up`,
    );
  const share = (name: keyof typeof flags) =>
    readNumber(
      name,
      values[name] as string | undefined,
      0,
      (n) => n >= 0 && n <= 1,
      'a share between 0 and 1',
    );
  const token = values.token ?? environment['MUSTER_ENROLLMENT_TOKEN'];
  const file = (name: 'ca' | 'cert' | 'key') =>
    values[name] === undefined ? {} : { [name]: readPem(name, values[name]) };
  return {
    fleet: {
      urls: values.url ?? ['ws://127.0.0.1:4320/v1/opamp'],
      ...(token !== undefined && { token }),
      agents: whole('agents', simulatorDefaults.agents, 1),
      seed: whole('seed', simulatorDefaults.seed),
      heartbeatSeconds: readNumber(
        'heartbeat',
        values.heartbeat,
        simulatorDefaults.heartbeatSeconds,
        (n) => n >= 0,
        'seconds, 0 for none',
      ),
      kinds: readKinds(values.kinds),
      effectiveBytes: whole('effective-bytes', simulatorDefaults.effectiveBytes),
      agentsPerConnection: whole('per-connection', 1, 1),
      applyMs: whole('apply-ms', 1_000),
      failShare: share('fail'),
      unhealthyShare: share('unhealthy'),
      vanishShare: share('vanish'),
      churnPerMinute: share('churn'),
      dialsInFlight: whole('dials', simulatorDefaults.dialsInFlight, 1),
      attributes: readAttributes(values.attribute ?? []),
      details: true,
      tls: { ...file('ca'), ...file('cert'), ...file('key') },
    },
    processes: whole('processes', 1, 1),
    seconds: values.seconds === undefined ? null : whole('seconds', 0, 1),
    json: values.json ?? false,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: flags, allowPositionals: false }).values;
  } catch (error) {
    const said = (error as Error).message.split(/\.\s|\.$|\n/)[0];
    throw new BadOption(`${said}: run "muster simulate --help" for the options`);
  }
}

function readNumber(
  name: string,
  given: string | undefined,
  fallback: number,
  isGood: (value: number) => boolean,
  wanted: string,
): number {
  if (given === undefined) return fallback;
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (!isGood(value)) throw new BadOption(`--${name} is ${JSON.stringify(given)}: give ${wanted}`);
  return value;
}

function readKinds(given: string | undefined): AgentKindName[] {
  const names = given === undefined ? Object.keys(agentKinds) : given.split(',');
  const unknown = names.find((name) => !(name in agentKinds));
  if (unknown !== undefined)
    throw new BadOption(`--kinds has ${JSON.stringify(unknown)}: choose from ${kindNames}`);
  return names as AgentKindName[];
}

function readAttributes(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new BadOption(`--attribute is ${JSON.stringify(pair)}: give KEY=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new BadOption(
      `--${name} ${path} cannot be read (${(error as NodeJS.ErrnoException).code}): give a PEM file`,
    );
  }
}
