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
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/transport-node';
import { deadLetterBounds } from './dead-letters.ts';
import { BusUnavailable } from './errors.ts';
import { schemas, type Facts } from './vocabulary.ts';

const MiB = 2 ** 20;

/**
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
    max_bytes: 1024 * MiB,
  },
  {
    name: 'FACTS',
    subjects: Object.keys(schemas.facts),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_bytes: 256 * MiB,
    max_age: nanos(60 * 60 * 1_000),
  },
  {
    name: partsStream,
    subjects: ['parts.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: 1024 * MiB,
    max_age: nanos(7 * 24 * 60 * 60 * 1_000),
  },
  {
    name: deadLettersStream,
    subjects: ['deadletters.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_bytes: deadLetterBounds.bytes,
    max_msgs: deadLetterBounds.letters,
    max_age: nanos(deadLetterBounds.ageMs),
  },
];

const streamNameInUse = 10058;
const consumerExists = 10148;
/** JetStream's files take no record of 32 MiB or more, subject and headers included. */
export const maxStoredBytes = 31 * MiB;
/** How long a consumer may be silent about what it holds before others get it. */
export const ackWaitMs = 20_000;

export function streamOf(subject: keyof Facts): string {
  return subject === 'reports' ? 'REPORTS' : 'FACTS';
}

/** Creates the streams or brings them up to date; any number of processes may do so at once. */
export async function ensureStreams(connection: NatsConnection): Promise<JetStreamManager> {
  try {
    const manager = await jetstreamManager(connection);
    for (const stream of streams) await ensureStream(manager, stream);
    return manager;
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
  const name = `${group}_${subject.replaceAll('.', '_')}`;
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

async function ensureStream(manager: JetStreamManager, stream: (typeof streams)[number]): Promise<void> {
  try {
    await manager.streams.add(stream);
  } catch (error) {
    if (!isApiError(error, streamNameInUse)) throw error;
    // Its replicas and placement are the operator's: only what is named here is changed.
    await manager.streams.update(stream.name, stream);
  }
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
