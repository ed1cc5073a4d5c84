import type { ClientBase } from 'pg';

const mark = /^\/\* prepared: (\w+) \*\//;

/**
 * Begins the text of a statement that every connection is to prepare once and keep planned, under a name of
 * its own. For the few statements that run all the time: parsing and planning them can cost as much as
 * running them. The same name must always stand before the same text.
 */
export function preparedAs(name: string): string {
  return `/* prepared: ${name} */ `;
}

/** Makes a new connection keep statements that are marked by `preparedAs`. */
export function keepPrepared(client: ClientBase): void {
  const query = client.query.bind(client) as (...asked: unknown[]) => unknown;
  const prepare = (text: unknown, values: unknown, ...rest: unknown[]) => {
    const name = typeof text === 'string' ? mark.exec(text)?.[1] : undefined;
    return name === undefined ? query(text, values, ...rest) : query({ name, text, values }, ...rest);
  };
  client.query = prepare as ClientBase['query'];
}
