// Floor is a bare uWebSockets.js server: it answers every OpAMP message with its uid and fixed bytes, and
// reads and keeps nothing. No server on uWebSockets.js costs less per message.
//
//   node floor.uws.ts <port> [cert.pem key.pem]
import * as uws from 'uWebSockets.js';

const [, , port, cert, key] = process.argv;
/** Missing in the package's types: nobody else listens on the port. */
const exclusivePort = (uws as unknown as { LIBUS_LISTEN_EXCLUSIVE_PORT: number }).LIBUS_LISTEN_EXCLUSIVE_PORT;
const listen = uws.App().listen as unknown as (
  host: string,
  port: number,
  options: number,
  done: (listening: unknown) => void,
) => void;
/** Its constant is a type only, as far as TypeScript knows. */
const uncompressed = 0;
const largestMessage = 64 * 1024 * 1024;
/** Where the uid begins and ends: header byte, tag, length. */
const uidAt = 3;
const uidEnd = 19;
/** Header, tag and length of the uid, the uid, tag and value of the capabilities. */
const answer = Buffer.from([0, 0x0a, 16, ...Array<number>(16).fill(0), 0x38, 7]);

const app = cert === undefined ? uws.App() : uws.SSLApp({ cert_file_name: cert, key_file_name: key! });
app.ws('/v1/opamp', {
  compression: uncompressed,
  maxPayloadLength: largestMessage,
  idleTimeout: 120,
  message(socket, message) {
    answer.set(new Uint8Array(message, uidAt, uidEnd - uidAt), uidAt);
    socket.send(answer, true, false);
  },
});
// alone on its port: otherwise it would share the traffic of whoever listens there already
listen.call(app, '127.0.0.1', Number(port), exclusivePort, (listening) => {
  if (!listening) process.exit(1);
  process.stdout.write('ready\n');
});
