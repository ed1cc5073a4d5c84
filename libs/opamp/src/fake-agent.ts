import { randomBytes } from 'node:crypto';
import { agentCapability } from './capabilities.ts';
import { FakeHttp, FakeWebSocket, type FakeConnection } from './fake-connection.ts';
import {
  AgentToServer,
  configStatus,
  serverFlag,
  type AgentToServerFields,
  type ServerToAgentMessage,
} from './opamp.ts';

/** What a fake agent does with a remote configuration. */
export type OfferBehaviour = 'apply' | 'fail' | 'ignore';

export interface FakeAgentOptions {
  /** `ws://` or `http://` address of the OpAMP endpoint. */
  url: string;
  /** Bearer token. */
  token?: string;
  /** Other headers; they win over the token. */
  headers?: Record<string, string>;
  /** 16 bytes; random when left out. */
  uid?: Uint8Array;
  /** Bits; a collector's usual ones when left out. */
  capabilities?: number;
  /** Identifying attributes. */
  attributes?: Record<string, string>;
  onOffer?: OfferBehaviour;
  /** Answers ReportFullState by itself; true when left out. */
  obeysFullState?: boolean;
  /** Plain HTTP: compress what is sent. */
  gzip?: boolean;
}

/** A remote configuration that a fake agent got. */
export interface ReceivedOffer {
  /** config_hash as hex. */
  hash: string;
  files: Record<string, string>;
}

/** What a collector under a supervisor usually says it can. */
export const usualCapabilities =
  agentCapability.ReportsStatus |
  agentCapability.AcceptsRemoteConfig |
  agentCapability.ReportsEffectiveConfig |
  agentCapability.ReportsHealth |
  agentCapability.ReportsRemoteConfig |
  agentCapability.ReportsHeartbeat |
  agentCapability.AcceptsRestartCommand;

/**
 * An agent for tests, over WebSocket or plain HTTP: reports its state, numbers its messages, takes
 * offers and counts what it got. It shares nothing with the server's reader and writer of messages but
 * the generated code.
 */
export class FakeAgent {
  readonly options: FakeAgentOptions;
  uid: Uint8Array;
  /** The number of the last message sent. */
  sequenceNum = -1;
  onOffer: OfferBehaviour;
  /** Everything received for this agent, in order. */
  readonly received: ServerToAgentMessage[] = [];
  readonly offers: ReceivedOffer[] = [];
  /** How often the server asked for the full state. */
  fullStateAsked = 0;
  restarts = 0;
  /** Sub-messages of a full state; change and `report` them. */
  state: AgentToServerFields;
  #connection: FakeConnection | null = null;
  #waiting: { until: () => boolean; done: () => void }[] = [];

  constructor(options: FakeAgentOptions) {
    this.options = options;
    this.uid = options.uid ?? randomBytes(16);
    this.onOffer = options.onOffer ?? 'apply';
    this.state = initialState(options.attributes ?? {});
  }

  /** Connects (WebSocket) or gets ready to post; sends nothing yet. A shared connection may be given. */
  async connect(connection?: FakeConnection): Promise<void> {
    const mine = connection ?? (await this.#open());
    this.#connection = mine;
    mine.onMessage((message) => {
      if (this.#connection === mine && Buffer.from(message.instanceUid).equals(this.uid))
        this.#receive(message);
    });
  }

  /** Connects and reports the full state; resolves when that is answered. */
  async start(connection?: FakeConnection): Promise<void> {
    await this.connect(connection);
    await this.exchange(this.state);
  }

  get connection(): FakeConnection {
    if (!this.#connection) throw new Error('the fake agent is not connected');
    return this.#connection;
  }

  /** Sends a message with the next number; fields may replace uid, number and capabilities. */
  async send(fields: AgentToServerFields = {}): Promise<void> {
    const message = {
      instanceUid: this.uid,
      sequenceNum: ++this.sequenceNum,
      capabilities: this.options.capabilities ?? usualCapabilities,
      ...fields,
    };
    await this.connection.send(AgentToServer.encode(message).finish());
  }

  /** Sends a message and resolves with the next one received, which answers it when nothing is pushed. */
  async exchange(fields: AgentToServerFields = {}): Promise<ServerToAgentMessage> {
    const count = this.received.length;
    await this.send(fields);
    await this.waitUntil(() => this.received.length > count);
    return this.received[count]!;
  }

  async heartbeat(): Promise<ServerToAgentMessage> {
    return this.exchange();
  }

  /** Changes parts of the state and reports those alone. */
  async report(changes: AgentToServerFields): Promise<ServerToAgentMessage> {
    Object.assign(this.state, changes);
    return this.exchange(changes);
  }

  /** Says goodbye (agent_disconnect), then closes. */
  async stop(): Promise<void> {
    await this.exchange({ agentDisconnect: {} });
    await this.connection.close();
  }

  /** Breaks the connection, if there is one, without a word. */
  async cut(): Promise<void> {
    await this.#connection?.cut();
  }

  /** Comes back on a new connection and goes on where it was, as real clients do: with the next message alone. */
  async reconnect(url = this.options.url): Promise<ServerToAgentMessage> {
    this.options.url = url;
    await this.connect();
    return this.heartbeat();
  }

  /** Resolves when `condition` holds; looks after every message. Rejects after `timeoutMs`. */
  async waitUntil(condition: () => boolean, timeoutMs = 5_000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const waiting = { until: condition, done: resolve };
      this.#waiting.push(waiting);
      setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(new Error(`the fake agent waited ${timeoutMs} ms for nothing: ${condition}`));
      }, timeoutMs).unref();
    });
  }

  async #open(): Promise<FakeConnection> {
    const { url, token, headers, gzip } = this.options;
    const all = { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers };
    return url.startsWith('ws') ? FakeWebSocket.open(url, all) : new FakeHttp(url, all, gzip);
  }

  #receive(message: ServerToAgentMessage): void {
    this.received.push(message);
    if (message.command) this.restarts++;
    if (message.agentIdentification?.newInstanceUid) this.uid = message.agentIdentification.newInstanceUid;
    if (message.remoteConfig) this.#takeOffer(message.remoteConfig);
    if (Number(message.flags) & serverFlag.reportFullState) {
      this.fullStateAsked++;
      if (this.options.obeysFullState ?? true) this.#sendUnasked(this.state);
    }
    const ready = this.#waiting.filter((waiting) => waiting.until());
    this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
    for (const waiting of ready) waiting.done();
  }

  #takeOffer(offer: NonNullable<ServerToAgentMessage['remoteConfig']>): void {
    const hash = offer.configHash ?? new Uint8Array();
    const configMap = offer.config?.configMap ?? {};
    const files = Object.entries(configMap).map(([name, file]) => [
      name,
      Buffer.from(file.body ?? []).toString(),
    ]);
    this.offers.push({ hash: Buffer.from(hash).toString('hex'), files: Object.fromEntries(files) });
    if (this.onOffer === 'ignore') return;
    this.#sendStatus({ lastRemoteConfigHash: hash, status: configStatus.applying });
    if (this.onOffer === 'fail') {
      this.#sendStatus({
        lastRemoteConfigHash: hash,
        status: configStatus.failed,
        errorMessage: 'does not start',
      });
    } else {
      this.state.effectiveConfig = { configMap: { configMap } };
      this.#sendStatus(
        { lastRemoteConfigHash: hash, status: configStatus.applied },
        this.state.effectiveConfig,
      );
    }
  }

  #sendStatus(
    remoteConfigStatus: AgentToServerFields['remoteConfigStatus'],
    effectiveConfig?: AgentToServerFields['effectiveConfig'],
  ): void {
    this.state.remoteConfigStatus = remoteConfigStatus ?? null;
    this.#sendUnasked({
      remoteConfigStatus: remoteConfigStatus ?? null,
      ...(effectiveConfig && { effectiveConfig }),
    });
  }

  /** Sends on the agent's own account. A connection that broke meanwhile takes the message with it, as it would. */
  #sendUnasked(fields: AgentToServerFields): void {
    this.send(fields).catch(() => {});
  }
}

function initialState(attributes: Record<string, string>): AgentToServerFields {
  const all = { 'service.name': 'fake-agent', 'service.version': '1.0.0', ...attributes };
  const keyValues = Object.entries(all).map(([key, value]) => ({ key, value: { stringValue: value } }));
  return {
    agentDescription: {
      identifyingAttributes: keyValues,
      nonIdentifyingAttributes: [
        { key: 'os.type', value: { stringValue: 'linux' } },
        { key: 'host.arch', value: { stringValue: 'amd64' } },
        { key: 'host.name', value: { stringValue: 'fake-host' } },
      ],
    },
    health: { healthy: true, startTimeUnixNano: Date.now() * 1e6, status: 'StatusOK' },
    effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from('receivers: {}\n') } } } },
    remoteConfigStatus: { status: configStatus.unset },
  };
}
