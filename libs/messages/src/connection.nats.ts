import { setTimeout as delay } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { silentBusLog, type BusLog } from './bus-log.ts';
import { BusUnavailable, MessageTooLarge } from './errors.ts';
import { readNatsAccess, type NatsAccess } from './nats-options.nats.ts';
import { defaultStreamSettings, type StreamSettings } from './stream-settings.ts';

export interface NatsSettings extends NatsAccess {
  /** Who connects, as NATS shows it: `gateway-a`, `inventory`. */
  name: string;
  streams?: StreamSettings;
  log?: BusLog;
}

/** One process's connection to NATS, shared by its bus and its deliveries. Comes back by itself, for ever. */
export interface NatsLink {
  readonly connection: NatsConnection;
  /** True while connected. */
  readonly available: boolean;
  readonly log: BusLog;
  /** How the streams of JetStream are to be made. */
  readonly streams: StreamSettings;
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
/** How long the end of a connection or subscription may wait for the server, milliseconds. */
const patienceMs = 2_000;

/**
 * Rejects with a `BusUnavailable` that names MUSTER_NATS_URL when no server of NATS can be reached now, with an
 * `UnusableFile` when a file that is set is of no use.
 */
export async function connectNats(settings: NatsSettings): Promise<NatsLink> {
  const { name, log = silentBusLog, streams = defaultStreamSettings } = settings;
  const access = readNatsAccess(settings);
  const { servers } = access;
  try {
    const connection = await connect({
      ...access,
      servers: [...servers],
      name,
      timeout: connectTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      ignoreAuthErrorAbort: true,
      // A server that vanished without a word, or hangs, is noticed after two missed pings: 6 s.
      pingInterval: 2_000,
      maxPingOut: 2,
    });
    // The library forgets servers that it did not reach at first.
    connection.setServers(servers);
    return new Link(connection, streams, log);
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
  readonly streams: StreamSettings;
  readonly log: BusLog;

  constructor(connection: NatsConnection, streams: StreamSettings, log: BusLog) {
    this.connection = connection;
    this.streams = streams;
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
export async function inTime(done: Promise<void>): Promise<void> {
  await Promise.race([done.catch(() => {}), delay(patienceMs, undefined, { ref: false })]);
}
