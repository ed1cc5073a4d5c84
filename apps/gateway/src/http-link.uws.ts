import type { HttpResponse } from 'uWebSockets.js';
import { badRequest, withoutHeader } from '@muster/opamp/server-to-agent';
import type { AgentLink, Refusal } from './agent-link.ts';
import { pack } from './gzip.ts';
import type { HttpBody } from './http-body.uws.ts';

/** Status lines of the answers that are given here. */
export const httpStatus = {
  ok: '200 OK',
  badRequest: '400 Bad Request',
  unauthorized: '401 Unauthorized',
  forbidden: '403 Forbidden',
  notFound: '404 Not Found',
  methodNotAllowed: '405 Method Not Allowed',
  requestTimeout: '408 Request Timeout',
  payloadTooLarge: '413 Content Too Large',
  unsupportedMediaType: '415 Unsupported Media Type',
  tooManyRequests: '429 Too Many Requests',
  upgradeRequired: '426 Upgrade Required',
  internalError: '500 Internal Server Error',
  unavailable: '503 Service Unavailable',
} as const;

export type HttpStatus = (typeof httpStatus)[keyof typeof httpStatus];

/** One HTTP exchange: the answer to one POST. */
export class HttpLink implements AgentLink {
  readonly transport = 'http';
  readonly remoteAddress: string;
  readonly #response: HttpResponse;
  readonly #body: HttpBody;
  readonly #gzip: boolean;
  #open = true;
  #aborted = false;

  /** `gzip`: the client takes it. */
  constructor(response: HttpResponse, body: HttpBody, remoteAddress: string, gzip: boolean) {
    this.#response = response;
    this.#body = body;
    this.remoteAddress = remoteAddress;
    this.#gzip = gzip;
    response.onAborted(() => {
      this.#open = false;
      this.#aborted = true;
      body.release();
    });
  }

  send(message: Uint8Array): boolean {
    if (!this.#open) return false;
    const body = withoutHeader(message);
    if (!this.#gzip) {
      this.#answer(httpStatus.ok, protobuf, body);
      return true;
    }
    const packed = pack(body);
    if (packed instanceof Promise) void this.#sendPacked(packed);
    else this.#answer(httpStatus.ok, gzippedProtobuf, packed);
    return true;
  }

  refuse(refusal: Refusal): void {
    if (refusal.kind === 'unavailable') {
      this.reject(httpStatus.unavailable, { 'Retry-After': String(refusal.retryAfterSeconds) });
    } else if (refusal.kind === 'unauthorized') {
      this.reject(httpStatus.unauthorized, { 'WWW-Authenticate': 'Bearer' });
    } else {
      const body = withoutHeader(badRequest(refusal.instanceUid, refusal.reason));
      this.#answer(httpStatus.forbidden, protobuf, body);
    }
  }

  /** Answers with a status alone. `last`: the connection is of no more use. */
  reject(status: HttpStatus, headers: Record<string, string> = {}, last = !this.#body.endsSoon): void {
    if (last) this.#answerEarly(status, headers);
    else this.#answer(status, headers);
  }

  ping(): void {}

  /** Nothing outlives the exchange. */
  close(): void {}

  async #sendPacked(packing: Promise<Uint8Array>): Promise<void> {
    this.#open = false;
    const packed = await packing;
    if (this.#aborted) return;
    this.#body.release();
    respond(this.#response, httpStatus.ok, gzippedProtobuf, packed);
  }

  #answer(status: HttpStatus, headers: Record<string, string>, body?: Uint8Array): void {
    if (!this.#open) return;
    this.#open = false;
    this.#body.release();
    respond(this.#response, status, headers, body);
  }

  /**
   * Answers a client that is still sending, and ends the exchange when that is over. Closed at once, the
   * system would answer the rest with a reset, and the client might never read why.
   */
  #answerEarly(status: HttpStatus, headers: Record<string, string>): void {
    if (!this.#open) return;
    this.#open = false;
    const response = this.#response;
    response.cork(() => {
      response.writeStatus(status);
      for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
      response.writeHeader('Connection', 'close');
      // Something must be written for the head to leave.
      response.write(`${status}\n`);
    });
    this.#body.discardRest((allCame) => {
      if (this.#aborted) return;
      this.#body.release();
      // µWebSockets would write the header once more if it was told to close after the end.
      if (allCame) response.cork(() => response.end());
      else response.close();
    });
  }
}

const protobuf = { 'Content-Type': 'application/x-protobuf' };
const gzippedProtobuf = { ...protobuf, 'Content-Encoding': 'gzip' };

/** Writes a whole answer at once. */
export function respond(
  response: HttpResponse,
  status: HttpStatus,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): void {
  response.cork(() => {
    response.writeStatus(status);
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    response.end(body ?? '');
  });
}
