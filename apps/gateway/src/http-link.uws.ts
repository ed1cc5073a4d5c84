import type { HttpResponse } from 'uWebSockets.js';
import { withoutHeader } from '@muster/opamp/server-to-agent';
import type { AgentLink, Refusal } from './agent-link.ts';
import { pack } from './gzip.ts';

/** Status lines of the answers that are given here. */
export const httpStatus = {
  ok: '200 OK',
  badRequest: '400 Bad Request',
  unauthorized: '401 Unauthorized',
  notFound: '404 Not Found',
  methodNotAllowed: '405 Method Not Allowed',
  payloadTooLarge: '413 Content Too Large',
  unsupportedMediaType: '415 Unsupported Media Type',
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
  readonly #gzip: boolean;
  #open = true;

  #aborted = false;

  /** `gzip`: the client takes it. */
  constructor(response: HttpResponse, remoteAddress: string, gzip: boolean) {
    this.#response = response;
    this.remoteAddress = remoteAddress;
    this.#gzip = gzip;
    response.onAborted(() => {
      this.#open = false;
      this.#aborted = true;
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
    if (refusal.kind === 'unauthorized')
      this.reject(httpStatus.unauthorized, { 'WWW-Authenticate': 'Bearer' });
    else this.reject(httpStatus.unavailable, { 'Retry-After': String(refusal.retryAfterSeconds) });
  }

  /** Answers with a status alone. Ends the TCP connection when the rest of the body is not wanted. */
  reject(status: HttpStatus, headers: Record<string, string> = {}, endConnection = false): void {
    this.#answer(status, headers, undefined, endConnection);
  }

  /** Nothing outlives the exchange. */
  close(): void {}

  async #sendPacked(packing: Promise<Uint8Array>): Promise<void> {
    this.#open = false;
    const packed = await packing;
    if (!this.#aborted) respond(this.#response, httpStatus.ok, gzippedProtobuf, packed);
  }

  #answer(
    status: HttpStatus,
    headers: Record<string, string>,
    body?: Uint8Array,
    endConnection = false,
  ): void {
    if (!this.#open) return;
    this.#open = false;
    respond(this.#response, status, headers, body, endConnection);
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
  endConnection = false,
): void {
  response.cork(() => {
    response.writeStatus(status);
    for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
    response.end(body ?? '', endConnection);
  });
}
