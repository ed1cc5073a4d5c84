import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { AgentToServer } from '@muster/opamp/opamp';

/*
 * Sends what a hostile agent might, from a process of its own: `port`, `token` and the name of one of `attacks`.
 * Goes on until it is killed, and opens a connection again that is closed.
 */
const [port, token, attack] = [Number(process.argv[2]), process.argv[3]!, process.argv[4]!];

const MiB = 1024 * 1024;
const largest = 16 * MiB - 64;

function hello(sequenceNum = 1): Buffer {
  const instanceUid = crypto.getRandomValues(new Uint8Array(16));
  return Buffer.from(AgentToServer.encode({ instanceUid, sequenceNum, capabilities: 1 }).finish());
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest > 127 ? (rest % 128) + 128 : rest);
    if (rest <= 127) return Buffer.from(bytes);
  }
}

const field = (number: number, body: Uint8Array) =>
  Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
const twoByteFields = (bytes: number) => Buffer.alloc(bytes, Buffer.of(0x1a, 0));

/** As much as one message may bring, of an agent of its own with contents of its own. */
function everything(): Buffer {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `${i} ${Math.random()}`);
  const text = (bytes: number) => `x: ${Math.random()}\n`.repeat(bytes / 16).slice(0, bytes);
  return Buffer.from(
    AgentToServer.encode({
      instanceUid: crypto.getRandomValues(new Uint8Array(16)),
      sequenceNum: 1,
      capabilities: 0x1807,
      agentDescription: {
        identifyingAttributes: many(4_000).map((key) => ({ key, value: { stringValue: key } })),
      },
      health: {
        componentHealthMap: Object.fromEntries(many(4_000).map((name) => [name, { healthy: true }])),
      },
      effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from(text(4 * MiB - 64)) } } } },
      remoteConfigStatus: { status: 3, errorMessage: text(200_000) },
      packageStatuses: {
        packages: Object.fromEntries(many(3_000).map((name) => [name, { name }])),
      },
      availableComponents: {
        hash: Buffer.from(String(Math.random())),
        components: Object.fromEntries(
          many(4_000).map((name) => [name, { metadata: [{ key: 'x', value: { stringValue: text(500) } }] }]),
        ),
      },
    }).finish(),
  );
}

/** Made when first asked for. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** The head of a masked frame of so many bytes; its mask changes nothing. */
function frame(length: number, opcode = 2, fin = true): Buffer {
  const head = Buffer.alloc(14);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

const pong = Buffer.from('8a8000000000', 'hex');

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

async function webSocket(): Promise<Socket> {
  const socket = await open();
  socket.write(
    'GET /v1/opamp HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
  socket.resume();
  return socket;
}

async function post(length: number | 'chunked', headers = ''): Promise<Socket> {
  const socket = await open();
  const size = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  socket.write(
    `POST /v1/opamp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/x-protobuf\r\n${headers}${size}\r\n\r\n`,
  );
  socket.resume();
  return socket;
}

/** Writes at the pace of the other side; false: the connection is gone. */
function write(socket: Socket, data: Uint8Array): Promise<boolean> {
  if (socket.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    socket.once('close', gone);
    socket.write(data, (error) => {
      socket.off('close', gone);
      resolve(!error);
    });
  });
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));

async function webSocketMessages(message: () => Buffer): Promise<void> {
  const socket = await webSocket();
  while (await write(socket, Buffer.concat([frame(message().length + 1), Buffer.of(0), message()])));
}

async function webSocketStalls(hears: boolean, pieces: number): Promise<void> {
  const socket = await webSocket();
  const bytes = Math.floor(largest / pieces);
  for (let i = 0; i < pieces; i++) {
    const isLast = i === pieces - 1;
    if (!(await write(socket, frame(bytes, i === 0 ? 2 : 0, isLast)))) return;
    // Of the last piece the end is missing.
    if (!(await write(socket, Buffer.alloc(isLast && !hears ? bytes - 1 : bytes, 1)))) return;
    if (hears && isLast) break;
    if (hears) socket.write(pong);
    if (hears && i === pieces - 2) break;
  }
  const answers = hears ? setInterval(() => socket.write(pong), 50) : null;
  await closed(socket);
  if (answers) clearInterval(answers);
}

async function posts(body: Buffer, headers = ''): Promise<void> {
  const socket = await post(body.length, headers);
  await write(socket, body);
  await Promise.race([closed(socket), new Promise((resolve) => setTimeout(resolve, 1_000))]);
  socket.destroy();
}

async function postStalls(bytes: number): Promise<void> {
  const socket = await post(bytes + 1);
  await write(socket, Buffer.alloc(bytes, 1));
  await closed(socket);
}

const fields63 = once(() => Buffer.concat([hello(), twoByteFields(63 * MiB)]));
const fields15 = once(() => Buffer.concat([hello(), twoByteFields(15 * MiB)]));
const inOneField = once(() => Buffer.concat([hello(), field(3, Buffer.alloc(15 * MiB, Buffer.of(0x0a, 0)))]));
const parts = once(() => Buffer.concat([hello(), Buffer.alloc(512 * 1024, Buffer.from('2a020801', 'hex'))]));
const full = once(() => Array.from({ length: 8 }, everything));
const bombs = once(() => [
  gzipSync(Buffer.alloc(15 * MiB)),
  gzipSync(Buffer.alloc(100 * MiB)),
  gzipSync(fields15()),
]);

const attacks: Record<
  string,
  { connections: number; make?: () => unknown; run: (i: number) => Promise<void> }
> = {
  'WebSocket messages of 63 MB in two-byte fields': {
    connections: 20,
    make: fields63,
    run: () => webSocketMessages(fields63),
  },
  'WebSocket messages of 15 MB in two-byte fields': {
    connections: 20,
    make: fields15,
    run: () => webSocketMessages(fields15),
  },
  'WebSocket messages with a field of 15 MB': {
    connections: 20,
    make: inOneField,
    run: () => webSocketMessages(inOneField),
  },
  'WebSocket messages with a field in 131,072 parts': {
    connections: 20,
    make: parts,
    run: () => webSocketMessages(parts),
  },
  'WebSocket messages with as much as may be': {
    connections: 20,
    make: full,
    run: (i) => webSocketMessages(() => full()[i % 8]!),
  },
  'WebSocket messages that stall': { connections: 100, run: () => webSocketStalls(false, 1) },
  'WebSocket messages that stall, with answers to pings': {
    connections: 64,
    run: () => webSocketStalls(true, 16),
  },
  'HTTP bodies of 63 MB in two-byte fields': {
    connections: 20,
    make: fields63,
    run: () => posts(fields63()),
  },
  'HTTP bodies of 15 MB in two-byte fields': {
    connections: 20,
    make: fields15,
    run: () => posts(fields15()),
  },
  'HTTP bodies with as much as may be': { connections: 20, make: full, run: (i) => posts(full()[i % 8]!) },
  'HTTP bodies that stall': { connections: 100, run: () => postStalls(15 * MiB) },
  'small HTTP bodies that stall': { connections: 3_000, run: () => postStalls(60 * 1024) },
  'gzip bombs': {
    connections: 30,
    make: bombs,
    run: (i) => posts(bombs()[i % 3]!, 'Content-Encoding: gzip\r\n'),
  },
};

const all = Object.values(attacks);
const picked =
  attack === 'all at once'
    ? all.map((each) => ({ ...each, connections: Math.ceil(each.connections / 5) }))
    : [attacks[attack]!];

if (attack === 'names') console.log(JSON.stringify([...Object.keys(attacks), 'all at once']));
else {
  for (const { make } of picked) make?.();
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
  for (const { connections, run } of picked) {
    for (let i = 0; i < connections; i++) {
      void (async () => {
        for (;;) {
          await run(i);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
    }
  }
}
