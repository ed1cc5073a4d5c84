import { setTimeout as delay } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { silentBusLog, type BusLog } from './bus-log.ts';
import { BusUnavailable, MessageTooLarge } from './errors.ts';

export interface NatsSettings {
  /** nats://[user:password@]host:port, several servers separated by commas. */
  url: string;
  /** Who connects, as NATS shows it: `gateway-a`, `inventory`. */
  name: string;
  log?: BusLog;
}

/** One process's connection to NATS, shared by its bus and its deliveries. Comes back by itself, for ever. */
export interface NatsLink {
  readonly connection: NatsConnection;
  /** True while connected. */
  readonly available: boolean;
  readonly log: BusLog;
  /** Throws `MessageTooLarge` for more than `limit` bytes, and for more than the server takes at all. */
  assertFits(subject: string, payload: Uint8Array, limit?: number): void;
  /** Calls back after each time the connection was renewed, until the function it gives is called. */
  onReconnect(listener: () => void): () => void;
  /** Resolves when the server has taken notice of all that was sent; at once while it is away. */
  flush(): Promise<void>;
  /** Sends what is pending and disconnects. */
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
const patienceMs = 5_000;

/** Rejects with a `BusUnavailable` that names MUSTER_NATS_URL when NATS cannot be reached now. */
export async function connectNats({ url, name, log = silentBusLog }: NatsSettings): Promise<NatsLink> {
  const { servers, credentials } = readUrl(url);
  try {
    const connection = await connect({
      servers,
      ...credentials,
      name,
      timeout: connectTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      ignoreAuthErrorAbort: true,
      // A server that vanished without a word is noticed after two missed pings.
      pingInterval: 10_000,
      maxPingOut: 2,
    });
    return new Link(connection, log);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new BusUnavailable(`NATS at ${servers.join(', ')} (MUSTER_NATS_URL) cannot be reached: ${cause}`, {
      cause: error,
    });
  }
}

class Link implements NatsLink {
  private readonly listeners = new Set<() => void>();
  private connected = true;

  readonly connection: NatsConnection;
  readonly log: BusLog;

  constructor(connection: NatsConnection, log: BusLog) {
    this.connection = connection;
    this.log = log;
    void this.follow();
  }

  get available(): boolean {
    return this.connected && !this.connection.isClosed() && !this.connection.isDraining();
  }

  assertFits(subject: string, payload: Uint8Array, limit = Infinity): void {
    const most = Math.min(limit, this.connection.info?.max_payload ?? Infinity);
    if (payload.byteLength > most) throw new MessageTooLarge(subject, payload.byteLength, most);
  }

  onReconnect(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async flush(): Promise<void> {
    if (this.available) await inTime(this.connection.flush());
  }

  async close(): Promise<void> {
    if (this.connection.isClosed()) return;
    if (this.available) await inTime(this.connection.drain());
    await this.connection.close();
  }

  private async follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') {
        this.connected = false;
        this.log.warn({ server: status.server }, 'NATS is gone; reconnecting');
      } else if (status.type === 'reconnect') {
        this.connected = true;
        this.log.info({ server: status.server }, 'NATS is back');
        for (const listener of this.listeners) listener();
      } else if (status.type === 'error') {
        this.log.error({ err: status.error }, 'NATS reports an error');
      }
    }
  }
}

/** What the server no longer answers need not be waited for. */
async function inTime(done: Promise<void>): Promise<void> {
  await Promise.race([done.catch(() => {}), delay(patienceMs, undefined, { ref: false })]);
}

/** The servers without what must not be logged, and the user and password (or token) of the first that has them. */
function readUrl(url: string) {
  const servers: string[] = [];
  let credentials: { user?: string; pass?: string; token?: string } = {};
  for (const text of url.split(',')) {
    if (!URL.canParse(text.trim()))
      throw new BusUnavailable('MUSTER_NATS_URL is not a URL such as nats://host:4222');
    const server = new URL(text.trim());
    const [user, pass] = [decodeURIComponent(server.username), decodeURIComponent(server.password)];
    if (user) credentials = pass ? { user, pass } : { token: user };
    servers.push(`${server.protocol}//${server.host}`);
  }
  return { servers, credentials };
}
