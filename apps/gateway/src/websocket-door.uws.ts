import { DISABLED } from './uws-constants.uws.ts';
import type { HttpRequest, HttpResponse, us_socket_context_t, WebSocketBehavior } from 'uWebSockets.js';
import type { Arrival } from './arrivals.uws.ts';
import { closeReasons } from './agent-link.ts';
import { Connection } from './session.ts';
import { retryAfterOf, type AcceptedToken, type Authentication } from './credentials.ts';
import type { Doorway } from './doorway.ts';
import { httpStatus, respond } from './http-link.uws.ts';
import { MessageAllowance } from './message-allowance.ts';
import { WebSocketLink } from './websocket-link.uws.ts';
import { joinedFromBytes } from './socket-recycling.ts';
import type { WebSocketWatch } from './websocket-watch.ts';

/** What µWebSockets keeps with a socket. */
export interface SocketData {
  token: AcceptedToken;
  arrival: Arrival;
  /** Null until the socket opens. */
  opened: OpenSocket | null;
}

interface OpenSocket {
  connection: Connection;
  link: WebSocketLink;
  allowance: MessageAllowance;
  /** Messages over the rate, less those within it since. */
  overRate: number;
}

/** The watch closes silent sockets; µWebSockets' own limit, in seconds, is for those that it cannot close. */
const nativeIdleTimeout = (idleMs: number) => Math.min(960, Math.ceil(idleMs / 4_000) * 4 + 8);
/** Room in the send buffer beside the largest message. */
const backpressureMargin = 64 * 1024;
/** So many bytes over the limit a client still reads why. */
const closedUpToBytes = 1024 * 1024;
const largestPayload = 2 ** 31 - 1;
/** Messages over the rate that are answered before the connection is closed. */
const overRateAtMost = 100;

/** OpAMP over WebSocket. `connections` holds those that are open. */
export function webSocketBehavior(
  doorway: Doorway,
  connections: Set<Connection>,
  watch: WebSocketWatch,
): WebSocketBehavior<SocketData> {
  const { maxMessageBytes, metrics, recycling } = doorway;
  return {
    compression: DISABLED,
    idleTimeout: nativeIdleTimeout(doorway.idleMs),
    sendPingsAutomatically: false,
    // µWebSockets cuts a socket that sends more than this without a Close frame; the handler closes
    // with 1009 up to here. Larger ones must not take memory: they are cut by what their frames announce.
    maxPayloadLength: Math.min(maxMessageBytes + closedUpToBytes, largestPayload),
    maxBackpressure: maxMessageBytes + backpressureMargin,
    upgrade: (response, request, context) => upgrade(doorway, connections, response, request, context),
    open: (socket) => {
      const data = socket.getUserData();
      const link = new WebSocketLink(socket, data.arrival.remoteAddress, watch);
      const connection = new Connection(link, data.token, data.arrival.certificate);
      const allowance = new MessageAllowance(doorway.messageRate, Date.now());
      data.opened = { connection, link, allowance, overRate: 0 };
      watch.add(link);
      connections.add(connection);
      metrics.connections = connections.size;
    },
    message: (socket, message, isBinary) => {
      const opened = socket.getUserData().opened!;
      opened.link.heardAt = watch.tick;
      opened.link.messageAt = watch.tick;
      if (message.byteLength > joinedFromBytes) recycling.note(opened.connection, message.byteLength);
      receive(doorway, opened, message, isBinary);
    },
    pong: (socket) => {
      const { connection, link } = socket.getUserData().opened!;
      link.heardAt = watch.tick;
      connection.ponged();
      watch.heardBetween();
    },
    ping: () => watch.heardBetween(),
    drain: (socket) => watch.caughtUp(socket.getUserData().opened!.link),
    close: (socket) => {
      const { connection, link } = socket.getUserData().opened!;
      link.ended();
      watch.remove(link);
      connections.delete(connection);
      recycling.forget(connection);
      metrics.connections = connections.size;
      doorway.liveness.connectionLost(connection);
    },
  };
}

function receive(doorway: Doorway, opened: OpenSocket, message: ArrayBuffer, isBinary: boolean): void {
  const { connection } = opened;
  if (message.byteLength > doorway.maxMessageBytes) return connection.link.close(closeReasons.tooLarge);
  const bytes = new Uint8Array(message);
  if (!opened.allowance.take(costOf(message.byteLength)) && !mayPass(doorway, opened))
    return refuse(doorway, opened, bytes);
  if (opened.overRate > 0) opened.overRate -= 1;
  if (isBinary) doorway.reception.receive(connection, bytes);
  else doorway.reception.refuse(connection, 'a text message; OpAMP messages are binary');
}

/** A message counts as one for each 64 KiB, so that the rate bounds bytes too. */
function costOf(bytes: number): number {
  return 1 + (bytes >>> 16);
}

function mayPass({ admission }: Doorway, { allowance, connection }: OpenSocket): boolean {
  return allowance.refill(Date.now(), connection.agents, () => admission.tryAdmit());
}

/** Answers a message over the rate; who goes on sending them is closed. */
function refuse({ admission, metrics, reception }: Doorway, opened: OpenSocket, message: Uint8Array): void {
  const { connection } = opened;
  metrics.messagesOverRate += 1;
  opened.overRate += costOf(message.length);
  if (opened.overRate > overRateAtMost) {
    metrics.connectionsOverRate += 1;
    return connection.link.close(closeReasons.tooManyMessages);
  }
  const instanceUid = reception.senderOf(message);
  if (instanceUid === null) return reception.refuse(connection, 'not an OpAMP message, one of too many');
  connection.link.refuse({ kind: 'unavailable', instanceUid, retryAfterSeconds: admission.later() });
}

/** The request may only be read now; who it is may take longer to find out. */
function upgrade(
  doorway: Doorway,
  connections: ReadonlySet<Connection>,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  const key = request.getHeader('sec-websocket-key');
  const protocol = request.getHeader('sec-websocket-protocol').split(',')[0]!.trim();
  const extensions = request.getHeader('sec-websocket-extensions');
  const arrival = doorway.arrivals.of(response, request);
  const finish = (authentication: Authentication, isLate: boolean) => {
    const token = letIn(doorway, authentication, response);
    if (token === null) return;
    const data: SocketData = { token, arrival, opened: null };
    const open = () => response.upgrade(data, key, protocol, extensions, context);
    if (isLate) underCork(connections, open);
    else open();
  };
  const { certificate, remoteAddress } = arrival;
  const authorization = request.getHeader('authorization');
  const authentication = doorway.credentials.judge(authorization, certificate, remoteAddress);
  if (!(authentication instanceof Promise)) return finish(authentication, false);
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  void authentication.then((known) => !aborted && finish(known, true));
}

/**
 * µWebSockets wants writes under a cork. That of an exchange whose upgrade comes late will not do: after the upgrade
 * it takes the socket for an HTTP exchange still and may close it. Another connection's does.
 */
function underCork(connections: ReadonlySet<Connection>, write: () => void): void {
  for (const { link } of connections) if (link instanceof WebSocketLink) return link.cork(write);
  write();
}

/** The token that lets the client in, or null: it was answered with a status. */
function letIn(
  { admission, metrics }: Doorway,
  authentication: Authentication,
  response: HttpResponse,
): AcceptedToken | null {
  if (authentication.kind === 'refused') {
    metrics.unauthorized += 1;
    respond(response, httpStatus.unauthorized, { 'WWW-Authenticate': 'Bearer' });
    return null;
  }
  if (authentication.kind === 'limited') {
    metrics.unauthorized += 1;
    respond(response, httpStatus.tooManyRequests, {
      'Retry-After': retryAfterOf(authentication, admission),
    });
    return null;
  }
  const isKnown = authentication.kind === 'accepted';
  const retryAfter = isKnown ? admission.admit() : admission.later();
  if (isKnown && retryAfter === null) return authentication.token;
  metrics.refused += 1;
  respond(response, httpStatus.unavailable, { 'Retry-After': String(retryAfter) });
  return null;
}
