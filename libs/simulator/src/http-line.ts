import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { part } from './agent-table.ts';
import type { Line } from './line.ts';
import { ReconnectBackoff } from './reconnect-backoff.ts';
import type { Target } from './websocket-connection.ts';
import type { LineParts } from './websocket-line.ts';

const answerTimeoutMs = 30_000;
const tooMany = 429;
const unavailable = 503;

/** Connections that the agents of a simulator take in turn for their requests. */
export class HttpConnections {
  readonly #plain: HttpAgent;
  readonly #secure: HttpsAgent;

  constructor(limit: number) {
    const options = { keepAlive: true, maxSockets: limit };
    this.#plain = new HttpAgent(options);
    this.#secure = new HttpsAgent(options);
  }

  /** Posts one AgentToServer. Rejects when there is no answer. */
  post(target: Target, body: Buffer): Promise<{ status: number; retryAfter: number; body: Buffer }> {
    const { host, port, path, secure, tls } = target;
    const headers = {
      ...target.headers,
      'content-type': 'application/x-protobuf',
      'content-length': body.length,
    };
    const common = { host, port, path, method: 'POST', headers, timeout: answerTimeoutMs };
    return new Promise((resolve, reject) => {
      const answered = (response: IncomingMessage): void => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: Number(response.headers['retry-after'] ?? 0),
            body: Buffer.concat(chunks),
          }),
        );
      };
      const request = secure
        ? requestHttps({ ...common, ...tls, agent: this.#secure }, answered)
        : requestHttp({ ...common, agent: this.#plain }, answered);
      request.once('timeout', () => request.destroy(new Error('no answer')));
      request.once('error', reject);
      request.end(body);
    });
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

/** One agent on plain HTTP: a request at a time, and the same one again until it is answered. */
export class HttpLine implements Line {
  readonly #parts: LineParts;
  readonly #agent: number;
  readonly #target: (attempt: number) => Target;
  readonly #connections: HttpConnections;
  #attempt: number;
  #started = false;
  #busy = false;
  #wantsToSpeak = false;
  #backoff = new ReconnectBackoff();
  #retry: NodeJS.Timeout | null = null;
  #idle: (() => void) | null = null;

  constructor(
    parts: LineParts,
    agent: number,
    target: (attempt: number) => Target,
    firstAttempt: number,
    connections: HttpConnections,
  ) {
    this.#parts = parts;
    this.#agent = agent;
    this.#target = target;
    this.#attempt = firstAttempt;
    this.#connections = connections;
  }

  start(): void {
    this.#started = true;
    this.speak();
  }

  speak(): void {
    if (!this.#started) return;
    this.#wantsToSpeak = true;
    if (!this.#busy) this.#next();
  }

  beat(): void {
    const { fleet, tally } = this.#parts;
    if (this.#busy || !this.#started || fleet.table.gone[this.#agent] === 1) return;
    tally.heartbeats += 1;
    fleet.table.sentAt[this.#agent] = performance.now();
    this.speak();
  }

  /** There is no connection to break: the agent falls silent. */
  cut(returnAfterMs: number | null): void {
    this.#started = false;
    this.#parts.fleet.wentOffline(this.#agent);
    if (this.#retry) clearTimeout(this.#retry);
    if (returnAfterMs !== null) this.#retry = setTimeout(() => this.start(), returnAfterMs);
  }

  async stop(goodbye: boolean): Promise<void> {
    if (this.#retry) clearTimeout(this.#retry);
    if (goodbye && this.#started && this.#parts.fleet.table.online[this.#agent] === 1) {
      this.#parts.fleet.table.pending[this.#agent]! |= part.disconnect;
      this.speak();
      if (this.#busy) await new Promise<void>((resolve) => (this.#idle = resolve));
    }
    this.cut(null);
  }

  #next(): void {
    const { fleet, tally, gate } = this.#parts;
    this.#wantsToSpeak = false;
    this.#busy = true;
    tally.sent += 1;
    const body = Buffer.from(fleet.reports.next(this.#agent));
    gate.enter(() => void this.#post(body).finally(() => gate.leave()));
  }

  async #post(body: Buffer): Promise<void> {
    const { fleet, tally } = this.#parts;
    const began = performance.now();
    try {
      const answer = await this.#connections.post(this.#target(this.#attempt), body);
      if (answer.status === 200) {
        if (fleet.cameOnline(this.#agent)) tally.firstAnswerMs.record(performance.now() - began);
        this.#backoff = new ReconnectBackoff();
        this.#busy = false;
        fleet.hear(this.#agent, answer.body, 0, this);
        if (this.#wantsToSpeak && !this.#busy) this.#next();
        if (!this.#busy) this.#idle?.();
        return;
      }
      const isThrottled = answer.status === unavailable || answer.status === tooMany;
      if (isThrottled) tally.askedToRetryAfter(answer.retryAfter);
      else tally.error(`status ${answer.status}`);
      this.#again(body, answer.retryAfter * 1_000);
    } catch (error) {
      tally.error((error as NodeJS.ErrnoException).code ?? (error as Error).message);
      this.#attempt += 1;
      this.#again(body, 0);
    }
  }

  #again(body: Buffer, retryAfterMs: number): void {
    const { fleet, random, gate } = this.#parts;
    fleet.wentOffline(this.#agent);
    if (!this.#started) {
      this.#busy = false;
      this.#idle?.();
      return;
    }
    this.#retry = setTimeout(
      () => gate.enter(() => void this.#post(body).finally(() => gate.leave())),
      this.#backoff.next(random, retryAfterMs),
    );
  }
}
