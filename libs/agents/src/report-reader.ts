import { MalformedMessage } from '@muster/opamp/errors';
import { WorkerPool, WorkTooLarge } from '@muster/platform/worker-pool';
import type { AgentId } from './agent-id.ts';
import { redactContent, type ContentField, type RedactedContent } from './content-redaction.ts';
import type * as work from './reports.worker.ts';
import type { ReadField, Reading } from './sub-message-reading.ts';

/** Up to here a text is read at once: whatever it says takes less than a thread does. In bytes. */
export const readAtOnce = 8 * 1024;

/** Why a text that an agent sent is not shown. */
export class NotSearched extends Error {
  constructor(reason: string) {
    super(`not searched for credentials: ${reason}`);
  }
}

/** Reads what agents send, large texts off the event loop. */
export class ReportReader {
  readonly #pool: Pick<WorkerPool<typeof work>, 'run'>;

  /** `pool`: tests have one with another budget. */
  constructor(pool: Pick<WorkerPool<typeof work>, 'run'> = new WorkerPool('reports', import.meta.url)) {
    this.#pool = pool;
  }

  /** Rejects with `MalformedMessage`, and `NotSearched` if that would take too much. */
  read(field: ReadField, uid: AgentId, body: Uint8Array): Promise<Reading> {
    // A view of a whole frame would take the frame along.
    return this.#told(this.#pool.run('read', { field, uid, body: new Uint8Array(body) }));
  }

  /** The same for a content; a small one at once. */
  async redact(field: ContentField, body: Uint8Array): Promise<RedactedContent> {
    if (body.length <= readAtOnce) return redactContent(field, body);
    return this.#told(this.#pool.run('redact', { field, body: new Uint8Array(body) }));
  }

  async #told<T>(running: Promise<work.Outcome<T>>): Promise<T> {
    const outcome = await running.catch((error: unknown) => {
      throw error instanceof WorkTooLarge ? new NotSearched(error.message) : error;
    });
    if ('malformed' in outcome) throw new MalformedMessage(outcome.malformed);
    return outcome.done;
  }
}

/** All of a process: its threads are few. */
export const reportReader = new ReportReader();
