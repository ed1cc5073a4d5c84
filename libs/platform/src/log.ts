import { pino, type Logger } from 'pino';

export type Log = Logger;

/** Structured logs on stderr; stdout stays for what a command prints. Secrets never get in: callers log ids. */
export function createLog(name: string, level: string): Log {
  return pino(
    {
      name,
      level,
      base: { name },
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

/** For tests: says nothing. */
export const silentLog: Log = pino({ level: 'silent' });
