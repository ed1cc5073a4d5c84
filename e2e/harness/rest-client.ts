/** A configuration version as agents refer to it. */
export interface VersionRef {
  name: string;
  version: number;
  hash: string;
}

export interface Health {
  healthy: boolean;
  status: string;
  lastError: string;
  components: Record<string, Health>;
}

/** What the tests read of an agent. */
export interface Agent {
  uid: string;
  name: string;
  status: 'connected' | 'disconnected';
  healthy: boolean | null;
  type: string;
  version: string;
  os: string;
  arch: string;
  hostname: string;
  labels: Record<string, string>;
  attributes: Record<string, string>;
  capabilities: string[];
  transport: 'websocket' | 'http';
  fleet: string | null;
  configuration: {
    status: 'none' | 'offered' | 'applying' | 'applied' | 'failed' | 'deferred';
    current: VersionRef | null;
    pending: VersionRef | null;
    target: VersionRef | null;
    error: string | null;
  };
  connectedAt: string | null;
  lastSeenAt: string;
}

export interface AgentDetail extends Agent {
  effectiveConfig: Record<string, string> | null;
  remoteConfigStatus: { hash: string; status: string; error: string } | null;
  health: Health | null;
  components: { hash: string; components: Record<string, { components: Record<string, unknown> }> } | null;
  connection: { gateway: string; transport: string; remoteAddress: string } | null;
}

export interface Rollout {
  id: string;
  fleet: string;
  state: string;
  reason: string;
  counts: Record<string, number>;
}

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

/** An answer that is not 2xx. */
export class RequestRefused extends Error {
  readonly status: number;
  constructor(request: string, { status, text }: Answer) {
    super(`${request} was answered with ${status}: ${text}`);
    this.status = status;
  }
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; null when it is none. */
  json: unknown;
}

/** The REST API with one key. */
export class RestClient {
  readonly #url: URL;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = new URL('/api/v1/', url);
    this.#key = key;
  }

  get<Body>(path: string): Promise<Body> {
    return this.#call<Body>('GET', path);
  }

  post<Body>(path: string, body?: unknown): Promise<Body> {
    return this.#call<Body>('POST', path, body);
  }

  put<Body>(path: string, body: unknown): Promise<Body> {
    return this.#call<Body>('PUT', path, body);
  }

  patch<Body>(path: string, body: unknown): Promise<Body> {
    return this.#call<Body>('PATCH', path, body);
  }

  delete(path: string): Promise<unknown> {
    return this.#call('DELETE', path);
  }

  /** All agents of the first page. */
  async agents(query = ''): Promise<Agent[]> {
    return (await this.get<Page<Agent>>(`agents?${query}`)).items;
  }

  agent(uid: string): Promise<AgentDetail> {
    return this.get<AgentDetail>(`agents/${uid}`);
  }

  /** Any request under /api/v1, any answer. `body` is sent as it is when it is text. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parseJson(text) };
  }

  async #call<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.request(method, path, body);
    if (answer.status >= 300) throw new RequestRefused(`${method} ${path}`, answer);
    return answer.json as Body;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
