import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  name: string;
  traceId: string;
  spanId: string;
  /** Empty: a root. */
  parentSpanId: string;
  resource: Record<string, string>;
}

export interface ReceivedMetric {
  name: string;
  resource: Record<string, string>;
}

/** An OTLP receiver over HTTP, for tests: what came, decoded. */
export class OtlpReceiver {
  readonly endpoint: string;
  readonly spans: ReceivedSpan[] = [];
  readonly metrics: ReceivedMetric[] = [];
  readonly #close: () => void;

  private constructor(endpoint: string, close: () => void) {
    this.endpoint = endpoint;
    this.#close = close;
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        receiver.#take(request.url ?? '', Buffer.concat(chunks));
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new OtlpReceiver(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () =>
      server.close(),
    );
    return receiver;
  }

  stop(): void {
    this.#close();
  }

  /** opentelemetry/proto/collector/{trace,metrics}/v1: both have resources, in them scopes, in them the things. */
  #take(path: string, body: Buffer): void {
    for (const [, part] of fieldsOf(body, 1)) {
      const resource = Object.fromEntries(
        fieldsOf(bytesOf(part, 1), 1).map(([, attribute]) => [
          bytesOf(attribute, 1).toString(),
          bytesOf(bytesOf(attribute, 2), 1).toString(),
        ]),
      );
      const things = fieldsOf(part, 2).flatMap(([, scope]) => fieldsOf(scope, 2));
      for (const [, thing] of things) {
        if (path === '/v1/metrics') this.metrics.push({ name: bytesOf(thing, 1).toString(), resource });
        if (path !== '/v1/traces') continue;
        const hex = (field: number) => bytesOf(thing, field).toString('hex');
        const name = bytesOf(thing, 5).toString();
        this.spans.push({ name, traceId: hex(1), spanId: hex(2), parentSpanId: hex(4), resource });
      }
    }
  }
}

const bytesOf = (message: Buffer, field: number) => fieldsOf(message, field)[0]?.[1] ?? Buffer.alloc(0);

/** The length-delimited fields of this number in a protobuf message. */
function fieldsOf(message: Buffer, wanted: number): [number, Buffer][] {
  const found: [number, Buffer][] = [];
  let at = 0;
  const varint = () => {
    let [value, shift] = [0, 1];
    for (;;) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
      shift *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      if (Math.floor(tag / 8) === wanted) found.push([wanted, message.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}
