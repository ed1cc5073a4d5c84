import { setTimeout as pause } from 'node:timers/promises';
import { HttpLink, WebSocketLink, type Link } from './link.ts';
import type { Operator, ShownAgent } from './operator.ts';
import { check, NotMet, NotTestable } from './outcome.ts';
import { RawHttp } from './raw-http.ts';
import { RawWebSocket } from './raw-websocket.ts';
import type { Transport } from './transport.ts';
import { ScriptedAgent, type AgentOptions } from './scripted-agent.ts';

/** The server under test. */
export interface Target {
  /** `ws:`, `wss:`, `http:` or `https:`; both transports are at the same address. */
  url: URL;
  /** Bearer token; null: the server is asked without a credential. */
  token: string | null;
  operator: Operator | null;
  /** The server's limit for one message, both ways. */
  maxMessageBytes: number;
  /** How long an answer may take, milliseconds; generous when left out, since the machine may be busy. */
  patienceMs?: number;
}

const defaultPatienceMs = 8_000;
/** What an agent says may take this many times as long to be shown as an answer takes. */
const shownPatience = 1.5;
const lookEveryMs = 100;

/** What one row has in its hands over one transport. All connections end with the row. */
export class RowContext {
  readonly transport: Transport;
  readonly target: Target;
  /** ServerToAgent.capabilities of the server's first answer. */
  readonly serverCapabilities: number;
  readonly #ends: (() => void)[] = [];

  constructor(transport: Transport, target: Target, serverCapabilities: number) {
    this.transport = transport;
    this.target = target;
    this.serverCapabilities = serverCapabilities;
  }

  /** The address with the scheme of a transport. */
  url(transport: Transport = this.transport, path?: string): URL {
    const { protocol } = this.target.url;
    const secure = protocol === 'wss:' || protocol === 'https:';
    const url = new URL(path ?? this.target.url.pathname, this.target.url);
    url.protocol = transport === 'websocket' ? (secure ? 'wss:' : 'ws:') : secure ? 'https:' : 'http:';
    return url;
  }

  headers(token: string | null = this.target.token): Record<string, string> {
    return token === null ? {} : { Authorization: `Bearer ${token}` };
  }

  /** For rows that need one: the runner asks them only where there is one. */
  get operator(): Operator {
    const { operator } = this.target;
    if (!operator) throw new NotTestable('needs an operator');
    return operator;
  }

  /** An operator if there is one, for a row that sees more with one. */
  get mayHaveOperator(): Operator | null {
    return this.target.operator;
  }

  /** How long to listen for what should not come: `ms`, less when the suite has less patience. */
  quiet(ms: number): number {
    return Math.min(ms, (ms * this.#patienceMs) / defaultPatienceMs);
  }

  get #patienceMs(): number {
    return this.target.patienceMs ?? defaultPatienceMs;
  }

  async webSocket(
    options: { deflate?: boolean; token?: string | null; headers?: Record<string, string> } = {},
  ): Promise<WebSocketLink> {
    const headers = { ...this.headers(options.token), ...options.headers };
    const socket = await RawWebSocket.open(this.url('websocket'), headers, options.deflate);
    this.#ends.push(() => socket.cut());
    return new WebSocketLink(socket, this.#patienceMs);
  }

  http(token: string | null = this.target.token): HttpLink {
    return new HttpLink(this.rawHttp(this.url('http'), this.headers(token)), this.#patienceMs);
  }

  rawHttp(url: URL, headers: Record<string, string>): RawHttp {
    const http = new RawHttp(url, headers);
    this.#ends.push(() => http.close());
    return http;
  }

  /** A new link over the transport of the row. */
  async link(token: string | null = this.target.token): Promise<Link> {
    return this.transport === 'websocket' ? this.webSocket({ token }) : this.http(token);
  }

  /** An agent that has said nothing yet, on a link of its own unless one is given. */
  async agent(options: AgentOptions = {}, link?: Link): Promise<ScriptedAgent> {
    return new ScriptedAgent(link ?? (await this.link()), options);
  }

  /** An agent whose full state the server took. */
  async reported(options: AgentOptions = {}, link?: Link): Promise<ScriptedAgent> {
    const agent = await this.agent(options, link);
    const { errorResponse } = await agent.report();
    check(!errorResponse, `a full report was answered with an error: ${errorResponse?.errorMessage}`);
    return agent;
  }

  /** Breaks the agent's connection and gives it a new one. */
  async reconnect(agent: ScriptedAgent): Promise<void> {
    agent.link.cut();
    agent.moveTo(await this.link());
  }

  /** Waits until the server shows of the agent what `wanted` likes. */
  async shows(
    agent: ScriptedAgent | string,
    wanted: (shown: ShownAgent) => boolean,
    what: string,
    withinMs = this.#patienceMs * shownPatience,
  ): Promise<ShownAgent> {
    const uuid = typeof agent === 'string' ? agent : agent.uuid;
    for (const deadline = Date.now() + withinMs; ; await pause(lookEveryMs)) {
      const shown = await this.operator.agent(uuid);
      if (shown && wanted(shown)) return shown;
      if (Date.now() > deadline) throw new NotMet(shown ? what : `${what}: the agent is not listed`);
    }
  }

  /** An agent whose full state the server took and shows. */
  async listed(options: AgentOptions = {}): Promise<ScriptedAgent> {
    const agent = await this.reported(options);
    await this.shows(agent, ({ connected }) => connected, 'the agent is not shown as connected');
    return agent;
  }

  /** Registers what must be ended with the row. */
  onEnd(end: () => void): void {
    this.#ends.push(end);
  }

  end(): void {
    for (const end of this.#ends) end();
  }
}
