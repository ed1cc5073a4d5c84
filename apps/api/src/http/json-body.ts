import type { FastifyInstance } from 'fastify';
import { InvalidRequest } from './errors.ts';

/** A body of more values than this is refused before it is parsed; the longest that people send have some hundreds. */
export const mostValues = 20_000;

const quote = 0x22;
const backslash = 0x5c;
/** Each of these brings one value, or half a pair: `,` `:` `[` `{`. */
const separators = new Set([0x2c, 0x3a, 0x5b, 0x7b]);

/**
 * Makes a server parse JSON bodies only when they hold few values: text costs little however long it is, while
 * objects and lists cost a hundred times what their bytes do, in whoever walks them later as well.
 */
export function parseJsonBodies(instance: FastifyInstance): void {
  const parseJson = instance.getDefaultJsonParser('error', 'error');
  instance.removeContentTypeParser('application/json');
  instance.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (holdsTooMuch(body)) {
      done(new InvalidRequest({ field: 'body', detail: `holds more than ${mostValues} values` }));
      return;
    }
    // the parser answers by its callback, in the same turn
    void parseJson(request, body.toString(), done);
  });
}

/** Whether JSON text holds more than `mostValues`. Reads it once; text that is no JSON may be counted wrong. */
export function holdsTooMuch(json: Buffer): boolean {
  let values = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === quote) at = endOfString(json, at);
    else if (separators.has(byte) && ++values > mostValues) return true;
  }
  return false;
}

/** Where the string that begins at `start` ends. */
function endOfString(json: Buffer, start: number): number {
  let end = json.indexOf(quote, start + 1);
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf(quote, end + 1);
  return end === -1 ? json.length : end;
}

function isEscaped(json: Buffer, at: number): boolean {
  let first = at;
  while (json[first - 1] === backslash) first--;
  return (at - first) % 2 === 1;
}
