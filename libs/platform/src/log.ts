import { pino, type Logger } from 'pino';
import { describeProcess, thisProcess, type ProcessIdentity } from './process-identity.ts';
import { spanUnderWay } from './telemetry.ts';

export type Log = Logger;

/**
 * Structured logs on stderr; stdout stays for what a command prints. Secrets never get in: callers log ids.
 * Each line says which part (`name`) of which process said it, and in which span, as telemetry does; `instance` as
 * there (`startTelemetry`).
 */
export function createLog(name: string, level: string, instance?: string): Log {
  return logAs(describeProcess(serviceOf(name), instance), name, level);
}

/** For what concerns the process as a whole, whichever part of Muster it is. */
export function createProcessLog(): Log {
  return logAs(thisProcess(), 'process', 'warn');
}

function logAs(identity: ProcessIdentity, name: string, level: string): Log {
  return pino(
    {
      name,
      level,
      base: { name, ...identity },
      mixin: spanUnderWay,
      redact: [
        'token',
        'secret',
        'password',
        'authorization',
        '*.token',
        '*.secret',
        '*.password',
        '*.authorization',
      ],
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** The all-in-one and the cluster's command are `muster`; the others are parts of it. */
const serviceOf = (name: string) => (name === 'muster' ? name : `muster-${name}`);

/** For tests: says nothing. */
export const silentLog: Log = pino({ level: 'silent' });
