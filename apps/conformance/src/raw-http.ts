import { Agent, request as httpRequest, type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as SecureAgent, request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';

export const protobufType = 'application/x-protobuf';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** As sent, before Content-Encoding is undone. */
  sent: Buffer;
}

/** The body with gzip undone. */
export function bodyOf(answer: HttpAnswer): Buffer {
  return answer.headers['content-encoding'] === 'gzip' ? gunzipSync(answer.sent) : answer.sent;
}

export interface PostOptions {
  method?: string;
  headers?: Record<string, string>;
  /** Left open by default; one TCP connection for each request when false. */
  keepAlive?: boolean;
}

/** An HTTP client that sends what it is told to. Redirects are not followed, nothing is decoded. */
export class RawHttp {
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #agent: Agent;
  readonly #underWay = new Set<ClientRequest>();

  /** `headers` go with every request. */
  constructor(url: URL, headers: Record<string, string>) {
    this.#url = url;
    this.#headers = headers;
    this.#agent =
      url.protocol === 'https:' ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  }

  /** Posts a whole body. An answer that comes before all of it was sent counts, too. */
  async post(body: Uint8Array | null, options: PostOptions = {}): Promise<HttpAnswer> {
    const length = body === null ? {} : { 'Content-Length': String(body.length) };
    const { request, answer } = this.open({ ...options, headers: { ...length, ...options.headers } });
    if (body === null) request.end();
    else request.end(body);
    return answer;
  }

  /** Starts a request whose body the caller writes, chunked unless it gives a Content-Length. */
  open(options: PostOptions = {}): { request: ClientRequest; answer: Promise<HttpAnswer> } {
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const request = (this.#url.protocol === 'https:' ? httpsRequest : httpRequest)(this.#url, {
      method: options.method ?? 'POST',
      agent: options.keepAlive === false ? false : this.#agent,
      headers: { 'Content-Type': protobufType, ...this.#headers, ...options.headers },
    });
    this.#underWay.add(request);
    request.once('close', () => this.#underWay.delete(request));
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      const done = () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, sent: Buffer.concat(chunks) });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', done);
      response.once('error', done); // the server may cut the rest of a body it does not want
    });
    request.on('error', reject);
    promise.catch(() => {}); // a request that nobody waits for any more
    return { request, answer: promise };
  }

  /** Ends all that is under way. */
  close(): void {
    for (const request of this.#underWay) request.destroy();
    this.#agent.destroy();
  }
}
