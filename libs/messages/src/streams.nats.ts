import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  jetstreamManager,
  type ConsumerConfig,
  type ConsumerInfo,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { NatsLink } from './connection.nats.ts';
import { deadLetterBounds } from './dead-letters.ts';
import { BusUnavailable } from './errors.ts';
import { refusalInWords, refusesReplicas } from './stream-refusals.nats.ts';
import { bytesOf } from './stream-settings.ts';
import { schemas, type Facts } from './vocabulary.ts';

const MiB = 2 ** 20;

/**
 * The streams; how large they are and how many servers keep them is `StreamSettings`.
 *
 * REPORTS is a work queue: what its one group took is gone, what it did not take is never dropped. When
 * it is full it takes nothing more, and gateways keep what they have. FACTS only say when to look, so
 * the oldest may go. PARTS holds what is too large for one message (`large-messages.nats.ts`); it is taken
 * out again when the message has been taken, and what stayed behind goes after a week.
 */
export const partsStream = 'PARTS';
/** What no handler took (`dead-letters.nats.ts`). */
export const deadLettersStream = 'DEADLETTERS';
const streams = [
  {
    name: 'REPORTS',
    subjects: ['reports'],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
  },
  {
    name: 'FACTS',
    subjects: Object.keys(schemas.facts),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(60 * 60 * 1_000),
  },
  {
    name: partsStream,
    subjects: ['parts.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_age: nanos(7 * 24 * 60 * 60 * 1_000),
  },
  {
    name: deadLettersStream,
    subjects: ['deadletters.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_msgs: deadLetterBounds.letters,
    max_age: nanos(deadLetterBounds.ageMs),
  },
];

/** How long the server may take to answer a question about streams. */
const apiTimeoutMs = 3_000;
/** And when it is asked whether it is there at all. */
const checkTimeoutMs = 1_000;
const consumerNotFound = 10014;
const streamNotFound = 10059;
const streamNameInUse = 10058;
const consumerExists = 10148;
/** JetStream's files take no record of 32 MiB or more, subject and headers included. */
export const maxStoredBytes = 31 * MiB;
/** How long a consumer may be silent about what it holds before others get it. */
export const ackWaitMs = 20_000;

export function streamOf(subject: keyof Facts): string {
  return subject === 'reports' ? 'REPORTS' : 'FACTS';
}

/** True when no stream takes the subject, which somebody must have removed. False also when that cannot be told. */
export async function isStreamMissing(link: NatsLink, subject: string): Promise<boolean> {
  const manager = await quickManager(link);
  return manager.streams.find(subject).then(
    () => false,
    (error: unknown) => error instanceof Error && /no stream matches/.test(error.message),
  );
}

/**
 * Creates the streams or brings them up to date; any number of processes may do so at once. Rejects with a
 * `BusUnavailable` that says what is missing.
 */
export async function ensureStreams(link: NatsLink): Promise<JetStreamManager> {
  const manager = await managerOf(link);
  for (const stream of streams) {
    try {
      await ensureStream(manager, stream, link);
    } catch (error) {
      throw new BusUnavailable(await refusalInWords(error, stream.name, link, manager), { cause: error });
    }
  }
  return manager;
}

/** True when every stream is kept by as many servers as wanted; otherwise tries to bring them up to that. */
export async function raiseReplicas(link: NatsLink): Promise<boolean> {
  const wanted = wantedReplicas(link);
  const manager = await managerOf(link);
  const kept = async ({ name }: Stream) => (await manager.streams.info(name)).config.num_replicas;
  const enough = async () => (await Promise.all(streams.map(kept))).every((replicas) => replicas >= wanted);
  if (await enough()) return true;
  await ensureStreams(link);
  return enough();
}

/** Null when reports and facts can be stored now, or why not. Does not wait for longer than a second. */
export async function whyNotStored(link: NatsLink): Promise<string | null> {
  const manager = await quickManager(link);
  const problems = await Promise.all(
    ['REPORTS', 'FACTS'].map(async (name) => {
      try {
        const { config, state } = await manager.streams.info(name);
        const isFull = config.discard === DiscardPolicy.New && state.bytes > config.max_bytes * 0.98;
        return isFull ? `the stream ${name} of NATS is full (${state.bytes} bytes)` : null;
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        return `the stream ${name} of NATS cannot be reached (${cause})`;
      }
    }),
  );
  return problems.filter((problem) => problem !== null).join('; ') || null;
}

async function managerOf(link: NatsLink): Promise<JetStreamManager> {
  try {
    return await jetstreamManager(link.connection, { timeout: apiTimeoutMs });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new BusUnavailable(`JetStream of NATS (MUSTER_NATS_URL) cannot be used: ${cause}`, {
      cause: error,
    });
  }
}

/** The durable consumer of a group, created or brought up to date. `maxAckPending`: most messages out at once. */
export async function ensureConsumer(
  manager: JetStreamManager,
  subject: keyof Facts,
  group: string,
  maxAckPending: number,
): Promise<ConsumerInfo> {
  const stream = streamOf(subject);
  const name = consumerName(subject, group);
  const changeable = { ack_wait: nanos(ackWaitMs), max_ack_pending: maxAckPending };
  const config: Partial<ConsumerConfig> = {
    ...changeable,
    durable_name: name,
    filter_subject: subject,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
  };
  try {
    return await manager.consumers.add(stream, config);
  } catch (error) {
    if (!isApiError(error, consumerExists)) throw error;
    return manager.consumers.update(stream, name, changeable);
  }
}

function consumerName(subject: keyof Facts, group: string): string {
  return `${group}_${subject.replaceAll('.', '_')}`;
}

/** True when the consumer of a group, or its stream, was removed. False also when that cannot be told. */
export async function isConsumerMissing(
  link: NatsLink,
  subject: keyof Facts,
  group: string,
): Promise<boolean> {
  const manager = await quickManager(link);
  return manager.consumers.info(streamOf(subject), consumerName(subject, group)).then(
    () => false,
    (error: unknown) => isApiError(error, consumerNotFound) || isApiError(error, streamNotFound),
  );
}

/** For questions that are worth little waiting. */
function quickManager(link: NatsLink): Promise<JetStreamManager> {
  return jetstreamManager(link.connection, { timeout: checkTimeoutMs, checkAPI: false });
}

type Stream = (typeof streams)[number];

async function ensureStream(manager: JetStreamManager, stream: Stream, link: NatsLink): Promise<void> {
  const info = await manager.streams.info(stream.name).catch((error: unknown) => {
    if (isApiError(error, streamNotFound)) return null;
    throw error;
  });
  if (info) return update(manager, stream, info, link);
  const wanted = wantedReplicas(link);
  const create = (num_replicas: number) =>
    manager.streams.add({ ...stream, max_bytes: bytesOf(link.streams, stream.name), num_replicas });
  try {
    await create(wanted).catch((error: unknown) => {
      if (!yields(link, error) || wanted === 1) throw error;
      return create(1);
    });
  } catch (error) {
    if (!isApiError(error, streamNameInUse)) throw error;
    await ensureStream(manager, stream, link);
  }
}

/** Its placement is the operator's: only what is named here is changed, and only when it differs. */
async function update(
  manager: JetStreamManager,
  stream: Stream,
  { config, state }: StreamInfo,
  link: NatsLink,
): Promise<void> {
  const { replicas } = link.streams;
  const now = config.num_replicas;
  const wanted = replicas ?? Math.max(now, wantedReplicas(link));
  const bytes = bytesOf(link.streams, stream.name);
  // A smaller stream must not cost what it holds.
  const target = {
    ...stream,
    max_bytes: Math.max(bytes, stream.discard === DiscardPolicy.New ? state.bytes : 0),
  };
  const same = Object.entries(target).every(
    ([key, value]) => JSON.stringify(config[key as keyof typeof config]) === JSON.stringify(value),
  );
  if (same && wanted === now) return;
  const change = (num_replicas: number) => manager.streams.update(stream.name, { ...target, num_replicas });
  await change(wanted).catch((error: unknown) => {
    if (!yields(link, error) || wanted === now) throw error;
    return same ? undefined : change(now);
  });
  if (wanted !== now)
    link.log.info({ stream: stream.name, from: now, to: wanted }, 'replicas of a stream were changed');
}

/** A cluster keeps three of each as soon as it has three servers for it. */
function wantedReplicas({ streams: settings, connection }: NatsLink): number {
  return settings.replicas ?? (connection.info?.cluster === undefined ? 1 : 3);
}

/** Are fewer replicas as good as none were asked for? */
function yields({ streams: settings }: NatsLink, error: unknown): boolean {
  return settings.replicas === null && refusesReplicas(error);
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
