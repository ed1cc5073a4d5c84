import { tmpdir } from 'node:os';
import { vi } from 'vitest';
import { referenceClient } from './binaries.ts';
import { Child } from './child.ts';
import { userEnvironment } from './muster.ts';

/** A line that the reference client wrote: what happened to it. */
export interface ClientEvent {
  event:
    | 'started'
    | 'connected'
    | 'connectFailed'
    | 'fullStateAsked'
    | 'identified'
    | 'offered'
    | 'command'
    | 'error'
    | 'stopped';
  uid?: string;
  hash?: string;
  files?: Record<string, string>;
  error?: string;
}

export interface ReferenceClientOptions {
  /** `ws://` or `http://` address of the OpAMP endpoint. */
  url: string;
  token: string;
  /** Between heartbeats, or polls over HTTP. */
  intervalSeconds: number;
}

/** A running agent on the client of the OpAMP reference library (e2e/real-collector/reference-client). */
export class ReferenceClient {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  static async start({ url, token, intervalSeconds }: ReferenceClientOptions): Promise<ReferenceClient> {
    if (!referenceClient.found) throw new Error(referenceClient.reason);
    const args = ['-url', url, '-token', token, '-interval', `${intervalSeconds}s`];
    const child = await Child.start(referenceClient.paths['reference-client'], args, {
      cwd: tmpdir(),
      env: userEnvironment(),
      takesOrders: true,
    });
    return new ReferenceClient(child);
  }

  get output(): string {
    return this.#child.output;
  }

  /** What happened to it so far; only events of one kind when that is given. */
  events(kind?: ClientEvent['event']): ClientEvent[] {
    const lines = this.output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    const events = lines.map((line) => JSON.parse(line) as ClientEvent);
    return kind ? events.filter(({ event }) => event === kind) : events;
  }

  /** The instance uid it goes by now; waits until it has started. */
  uid(): Promise<string> {
    return vi.waitFor(
      () => {
        const uid = this.events().findLast((event) => event.uid !== undefined)?.uid;
        if (uid === undefined) throw new Error(`the reference client did not start:\n${this.output}`);
        return uid;
      },
      { timeout: 10_000, interval: 20 },
    );
  }

  /** Reports health; without a problem the agent is healthy. */
  reportHealth(problem = ''): void {
    this.#child.order(`health ${problem}`);
  }

  /** Asks the server for an instance uid. */
  requestInstanceUid(): void {
    this.#child.order('identify');
  }

  /** Stops the library's client as it documents, which says goodbye over WebSocket. */
  async stop(): Promise<void> {
    this.#child.order('stop');
    const { code } = await this.#child.exited;
    if (code !== 0) throw new Error(`the reference client ended with ${code}:\n${this.output}`);
  }

  async dispose(): Promise<void> {
    await this.#child.killTree();
  }
}
