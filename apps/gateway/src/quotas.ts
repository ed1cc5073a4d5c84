import type { Log } from '@muster/platform/log';
import { subMessageField, type AgentToServerScan } from '@muster/opamp/scan-agent-to-server';
import { unavailable } from '@muster/opamp/server-to-agent';
import type { StatePart } from './fingerprints.ts';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { HourlyBudgets } from './hourly-budgets.ts';
import { uidKey, type Connection, type Session } from './session.ts';

export interface QuotaSettings {
  /** Agents that may speak through one WebSocket at a time. */
  agentsPerConnection: number;
  /** Unknown agents taken in from one address with one token. */
  newAgentsPerHour: number;
  /** Contents that an agent may change to. */
  newContentsPerHour: number;
  /** Bytes of these. */
  newContentBytesPerHour: number;
}

/** What an agent is told that has to wait. */
export interface OverQuota {
  reason: string;
  retryAfterSeconds: number;
}

/** What is kept once for each content there ever was. */
const contentFields: readonly number[] = [
  subMessageField.effectiveConfig,
  subMessageField.availableComponents,
];
/** New agents of one address and token may bring so many times what one agent may change in an hour. */
const newcomersShare = 64;
/** Smaller contents of new agents are what fleets are made of. */
const countedFromBytes = 64 * 1024;
/** Seconds; who is refused is not to come back sooner. */
const leastRetryAfter = 30;
const tellEveryMs = 60_000;

/**
 * How many agents, and how much that is new, one sender may bring. Costs nothing for agents that say what
 * they said before: budgets are kept of those alone that used theirs within the hour, by uid or by address
 * and token, so that a reconnect does not renew them.
 */
export class Quotas {
  readonly #settings: QuotaSettings;
  readonly #metrics: GatewayMetrics;
  readonly #log: Log;
  readonly #contents: HourlyBudgets;
  readonly #newcomers: HourlyBudgets;
  #refused = new Map<string, { count: number; example: string; reason: string }>();
  #telling: NodeJS.Timeout | null = null;

  constructor(settings: QuotaSettings, metrics: GatewayMetrics, log: Log) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#contents = new HourlyBudgets(settings.newContentsPerHour, settings.newContentBytesPerHour);
    this.#newcomers = new HourlyBudgets(
      settings.newAgentsPerHour,
      settings.newContentBytesPerHour * newcomersShare,
    );
  }

  /** May one more agent speak through this connection? Null: it may. */
  joins(connection: Connection): OverQuota | null {
    const { agentsPerConnection } = this.#settings;
    if (connection.agents < agentsPerConnection) return null;
    const reason = `the connection carries ${agentsPerConnection} agents, as many as it may (MUSTER_MAX_AGENTS_PER_CONNECTION)`;
    return { reason, retryAfterSeconds: leastRetryAfter };
  }

  /** May an agent that is not known come in with this message? Null: it may, and counts. */
  enrols({ link, token }: Connection, scan: AgentToServerScan): OverQuota | null {
    const { newAgentsPerHour, newContentBytesPerHour } = this.#settings;
    const sizes = contentFields.map((field) => contentBytes(scan, field));
    const bytes = sizes.reduce((sum, size) => sum + (size < countedFromBytes ? 0 : size), 0);
    const short = this.#newcomers.take(`${token.enrollmentTokenId} ${link.remoteAddress}`, bytes);
    if (short === null) return null;
    const reason =
      short.of === 'number'
        ? `more than ${newAgentsPerHour} new agents an hour came from this address with this credential (MUSTER_NEW_AGENTS_PER_HOUR)`
        : `the new agents of this address and credential reported more than ${newContentBytesPerHour * newcomersShare} bytes an hour (64 times MUSTER_NEW_CONTENT_BYTES_PER_HOUR)`;
    return { reason, retryAfterSeconds: Math.max(leastRetryAfter, short.seconds) };
  }

  /** May a known agent report this news? Null: it may, and what it had not reported of late counts. */
  changes(session: Session, scan: AgentToServerScan, news: readonly StatePart[]): OverQuota | null {
    for (const { field, fingerprint } of news) {
      if (!contentFields.includes(field)) continue;
      const short = this.#contents.take(uidKey(session.uid), contentBytes(scan, field), uidKey(fingerprint));
      if (short === null) continue;
      const { newContentsPerHour, newContentBytesPerHour } = this.#settings;
      const reason =
        short.of === 'number'
          ? `the agent changed to more than ${newContentsPerHour} new contents an hour (MUSTER_NEW_CONTENTS_PER_HOUR)`
          : `the agent changed to more than ${newContentBytesPerHour} bytes of new contents an hour (MUSTER_NEW_CONTENT_BYTES_PER_HOUR)`;
      return { reason, retryAfterSeconds: Math.max(leastRetryAfter, short.seconds) };
    }
    return null;
  }

  /** Answers an agent that has to wait: UNAVAILABLE, with the limit, its setting and when to try again. */
  refuse(
    { link }: Connection,
    uid: Uint8Array,
    { reason, retryAfterSeconds }: OverQuota,
    counter: 'agentsOverQuota' | 'contentsOverQuota',
  ): void {
    this.#metrics[counter] += 1;
    this.note(counter, uid, reason);
    link.send(unavailable(uid, reason, retryAfterSeconds));
  }

  /** Something of an agent was refused: told in the log once a minute for all of a kind. */
  note(kind: string, uid: Uint8Array, reason: string): void {
    const noted = this.#refused.get(kind);
    if (noted) noted.count += 1;
    else this.#refused.set(kind, { count: 1, example: Buffer.from(uid).toString('hex'), reason });
    this.#telling ??= setTimeout(() => this.#tell(), noted ? tellEveryMs : 1_000).unref();
  }

  stop(): void {
    if (this.#telling !== null) clearTimeout(this.#telling);
    this.#contents.stop();
    this.#newcomers.stop();
  }

  #tell(): void {
    this.#telling = null;
    for (const [kind, refused] of this.#refused) {
      if (refused.count === 0) this.#refused.delete(kind);
      else {
        this.#log.warn({ kind, ...refused }, 'messages of agents were refused');
        refused.count = 0;
      }
    }
  }
}

function contentBytes({ subMessages }: AgentToServerScan, field: number): number {
  let bytes = 0;
  for (const part of subMessages) if (part.field === field) bytes += part.end - part.bodyStart;
  return bytes;
}
