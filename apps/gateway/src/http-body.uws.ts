import type { HttpResponse } from 'uWebSockets.js';

/**
 * Collects a request's body; `done` is called once, with null when it is larger than `limit`. Must be
 * called in the turn the request came. Nothing is kept beyond the limit.
 */
export function collectBody(
  response: HttpResponse,
  limit: number,
  done: (body: Buffer | null) => void,
): void {
  let chunks: Buffer[] = [];
  let size = 0;
  let finished = false;
  response.onData((chunk, isLast) => {
    if (finished) return;
    size += chunk.byteLength;
    if (size > limit) {
      finished = true;
      chunks = [];
      done(null);
      return;
    }
    // The chunk's memory is only valid now.
    chunks.push(Buffer.from(Buffer.from(chunk)));
    if (!isLast) return;
    finished = true;
    done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
  });
}
