import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Log } from '@muster/platform/log';
import { Connection } from './session.ts';
import type { Authentication } from './credentials.ts';
import type { Doorway } from './doorway.ts';
import { acceptsGzip, BadCompression, BodyTooLarge, unpack } from './gzip.ts';
import { collectBody } from './http-body.uws.ts';
import { HttpLink, httpStatus } from './http-link.uws.ts';
import { plainAddress } from './remote-address.ts';

const mediaType = 'application/x-protobuf';
const encodings = ['', 'identity', 'gzip', 'x-gzip'];

interface Exchange {
  link: HttpLink;
  authentication: Authentication | Promise<Authentication>;
  /** Null: larger than is taken. */
  body: Promise<Buffer | null>;
  isPacked: boolean;
}

/** OpAMP over plain HTTP: answers one POST. */
export function httpHandler(
  doorway: Doorway,
  log: Log,
): (response: HttpResponse, request: HttpRequest) => void {
  return (response, request) => {
    const address = plainAddress(Buffer.from(response.getRemoteAddressAsText()).toString());
    const link = new HttpLink(response, address, acceptsGzip(request.getHeader('accept-encoding')));
    const encoding = request.getHeader('content-encoding').trim().toLowerCase();
    if (mediaTypeOf(request) !== mediaType)
      return link.reject(httpStatus.unsupportedMediaType, { Accept: mediaType });
    if (!encodings.includes(encoding)) {
      return link.reject(httpStatus.unsupportedMediaType, { 'Accept-Encoding': 'gzip' });
    }
    const authentication = doorway.credentials.authenticate(request.getHeader('authorization'));
    const body = new Promise<Buffer | null>((resolve) =>
      collectBody(response, doorway.maxMessageBytes, resolve),
    );
    exchange(doorway, { link, authentication, body, isPacked: encoding.endsWith('gzip') }).catch(
      (error: unknown) => {
        log.error({ err: error }, 'an HTTP exchange failed');
        link.reject(httpStatus.internalError);
      },
    );
  };
}

function mediaTypeOf(request: HttpRequest): string {
  return request.getHeader('content-type').split(';')[0]!.trim().toLowerCase();
}

async function exchange(doorway: Doorway, { link, authentication, body, isPacked }: Exchange): Promise<void> {
  const known = await authentication;
  if (known.kind !== 'accepted') return sendAway(doorway, link, known.kind);
  const received = await body;
  if (received === null) return link.reject(httpStatus.payloadTooLarge, {}, true);
  try {
    const message = isPacked ? await unpack(received, doorway.maxMessageBytes) : received;
    doorway.reception.receive(new Connection(link, known.token), message);
  } catch (error) {
    if (error instanceof BodyTooLarge) link.reject(httpStatus.payloadTooLarge);
    else if (error instanceof BadCompression) link.reject(httpStatus.badRequest);
    else throw error;
  }
}

function sendAway({ admission, metrics }: Doorway, link: HttpLink, kind: 'refused' | 'unavailable'): void {
  if (kind === 'refused') {
    metrics.unauthorized += 1;
    link.reject(httpStatus.unauthorized, { 'WWW-Authenticate': 'Bearer' });
  } else {
    metrics.refused += 1;
    link.reject(httpStatus.unavailable, { 'Retry-After': String(admission.turnAway()) });
  }
}
