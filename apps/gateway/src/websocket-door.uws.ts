import { DISABLED } from './uws-constants.uws.ts';
import type {
  HttpRequest,
  HttpResponse,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from 'uWebSockets.js';
import { closeReasons } from './agent-link.ts';
import { Connection } from './session.ts';
import type { AcceptedToken, Authentication } from './credentials.ts';
import type { Doorway } from './doorway.ts';
import { httpStatus, respond } from './http-link.uws.ts';
import { plainAddress } from './remote-address.ts';
import { WebSocketLink } from './websocket-link.uws.ts';

/** What µWebSockets keeps with a socket. */
export interface SocketData {
  token: AcceptedToken;
  /** Set when the socket opens. */
  connection: Connection | null;
}

/** Seconds without a byte, a pong included, after which a socket counts as broken. */
const idleTimeout = 60;
/** Room in the send buffer beside the largest message. */
const backpressureMargin = 64 * 1024;
const largestPayload = 2 ** 31 - 1;

/** OpAMP over WebSocket. `connections` holds those that are open. */
export function webSocketBehavior(
  doorway: Doorway,
  connections: Set<Connection>,
): WebSocketBehavior<SocketData> {
  const { maxMessageBytes, metrics } = doorway;
  return {
    compression: DISABLED,
    idleTimeout,
    sendPingsAutomatically: true,
    // µWebSockets cuts a socket that sends more than this without a Close frame; the handler closes
    // with 1009 up to here.
    maxPayloadLength: Math.min(maxMessageBytes * 2, largestPayload),
    maxBackpressure: maxMessageBytes + backpressureMargin,
    upgrade: (response, request, context) => upgrade(doorway, response, request, context),
    open: (socket) => {
      const data = socket.getUserData();
      const address = plainAddress(Buffer.from(socket.getRemoteAddressAsText()).toString());
      data.connection = new Connection(new WebSocketLink(socket, address), data.token);
      connections.add(data.connection);
      metrics.connections = connections.size;
    },
    message: (socket, message, isBinary) => receive(doorway, socket, message, isBinary),
    close: (socket) => {
      const connection = socket.getUserData().connection!;
      (connection.link as WebSocketLink).ended();
      connections.delete(connection);
      metrics.connections = connections.size;
      doorway.liveness.connectionLost(connection);
    },
  };
}

function receive(
  doorway: Doorway,
  socket: WebSocket<SocketData>,
  message: ArrayBuffer,
  isBinary: boolean,
): void {
  const connection = socket.getUserData().connection!;
  if (message.byteLength > doorway.maxMessageBytes) connection.link.close(closeReasons.tooLarge);
  else if (isBinary) doorway.reception.receive(connection, new Uint8Array(message));
  else doorway.reception.refuse(connection, 'a text message; OpAMP messages are binary');
}

/** The request may only be read now; who it is may take longer to find out. */
function upgrade(
  doorway: Doorway,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  const key = request.getHeader('sec-websocket-key');
  const protocol = request.getHeader('sec-websocket-protocol').split(',')[0]!.trim();
  const extensions = request.getHeader('sec-websocket-extensions');
  const finish = (authentication: Authentication) => {
    const token = letIn(doorway, authentication, response);
    if (token === null) return;
    const data: SocketData = { token, connection: null };
    response.cork(() => response.upgrade(data, key, protocol, extensions, context));
  };
  const authentication = doorway.credentials.authenticate(request.getHeader('authorization'));
  if (!(authentication instanceof Promise)) return finish(authentication);
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  void authentication.then((known) => !aborted && finish(known));
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
  const isKnown = authentication.kind === 'accepted';
  const retryAfter = isKnown ? admission.admit() : admission.turnAway();
  if (isKnown && retryAfter === null) return authentication.token;
  metrics.refused += 1;
  respond(response, httpStatus.unavailable, { 'Retry-After': String(retryAfter) });
  return null;
}
