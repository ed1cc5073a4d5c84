import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Log } from '@muster/platform/log';
import { Connection } from './session.ts';
import type { CertificateIdentity } from './client-certificates.ts';
import { retryAfterOf, type Authentication } from './credentials.ts';
import type { Doorway } from './doorway.ts';
import { acceptsGzip, BadCompression, BodyTooLarge } from './gzip.ts';
import { HttpBody, type BodyProblem } from './http-body.uws.ts';
import { HttpLink, httpStatus } from './http-link.uws.ts';

const mediaType = 'application/x-protobuf';
const encodings = ['', 'identity', 'gzip', 'x-gzip'];

interface Exchange {
  link: HttpLink;
  certificate: CertificateIdentity | null;
  authentication: Authentication | Promise<Authentication>;
  body: HttpBody;
  isPacked: boolean;
}

/** OpAMP over plain HTTP: answers one POST. */
export function httpHandler(
  doorway: Doorway,
  log: Log,
): (response: HttpResponse, request: HttpRequest) => void {
  return (response, request) => {
    const { remoteAddress, certificate } = doorway.arrivals.of(response, request);
    const body = new HttpBody(response, declaredLength(request), doorway.bodies);
    const link = new HttpLink(
      response,
      body,
      remoteAddress,
      acceptsGzip(request.getHeader('accept-encoding')),
    );
    const encoding = request.getHeader('content-encoding').trim().toLowerCase();
    if (mediaTypeOf(request) !== mediaType)
      return link.reject(httpStatus.unsupportedMediaType, { Accept: mediaType });
    if (!encodings.includes(encoding)) {
      return link.reject(httpStatus.unsupportedMediaType, { 'Accept-Encoding': 'gzip' });
    }
    const authentication = doorway.credentials.judge(
      request.getHeader('authorization'),
      certificate,
      remoteAddress,
    );
    const isPacked = encoding.endsWith('gzip');
    exchange(doorway, { link, certificate, authentication, body, isPacked }).catch((error: unknown) => {
      log.error({ err: error }, 'an HTTP exchange failed');
      link.reject(httpStatus.internalError);
    });
  };
}

function mediaTypeOf(request: HttpRequest): string {
  return request.getHeader('content-type').split(';')[0]!.trim().toLowerCase();
}

/** Bytes; null when the body comes in chunks. */
function declaredLength(request: HttpRequest): number | null {
  if (request.getHeader('transfer-encoding') !== '') return null;
  return Number(request.getHeader('content-length'));
}

async function exchange(
  doorway: Doorway,
  { link, certificate, authentication, body, isPacked }: Exchange,
): Promise<void> {
  const known = await authentication;
  if (known.kind !== 'accepted') return sendAway(doorway, link, known);
  const received = await body.received;
  if (typeof received === 'string') return refuseBody(doorway, link, received);
  try {
    const message = isPacked ? await doorway.inflation.unpack(received) : received;
    if (isPacked && !body.unpackedTo(message.length)) return refuseBody(doorway, link, 'noRoom');
    doorway.reception.receive(new Connection(link, known.token, certificate), message);
  } catch (error) {
    if (error instanceof BodyTooLarge) refuseBody(doorway, link, 'tooLarge');
    else if (error instanceof BadCompression) link.reject(httpStatus.badRequest);
    else throw error;
  }
}

function refuseBody({ admission, metrics }: Doorway, link: HttpLink, problem: BodyProblem): void {
  if (problem === 'tooLarge') {
    metrics.bodiesTooLarge += 1;
    link.reject(httpStatus.payloadTooLarge);
  } else if (problem === 'tooSlow') {
    metrics.bodiesTooSlow += 1;
    link.reject(httpStatus.requestTimeout, {}, true);
  } else {
    metrics.bodiesWithoutRoom += 1;
    link.reject(httpStatus.unavailable, { 'Retry-After': String(admission.later()) });
  }
}

function sendAway(
  { admission, metrics }: Doorway,
  link: HttpLink,
  known: Exclude<Authentication, { kind: 'accepted' }>,
): void {
  if (known.kind === 'refused') {
    metrics.unauthorized += 1;
    link.reject(httpStatus.unauthorized, { 'WWW-Authenticate': 'Bearer' });
  } else if (known.kind === 'limited') {
    metrics.unauthorized += 1;
    link.reject(httpStatus.tooManyRequests, { 'Retry-After': retryAfterOf(known, admission) });
  } else {
    metrics.refused += 1;
    link.reject(httpStatus.unavailable, { 'Retry-After': String(admission.later()) });
  }
}
