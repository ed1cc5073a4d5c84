import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsLink } from './connection.nats.ts';
import { bytesOf, reservedBytes } from './stream-settings.ts';

/** Error codes of JetStream. */
const noSuitablePeers = 10005;
const insufficientResources = 10023;
const accountLimits = [10002, 10027, 10029, 10122];
const insufficientStorage = [insufficientResources, 10047, 10052];
const notClustered = 10074;

/** Has the cluster too few servers with JetStream for the replicas that were asked for? Not when they are full. */
export function refusesReplicas(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return error.code === notClustered || (error.code === noSuitablePeers && !saysStorage(error));
}

function saysStorage(error: Error): boolean {
  return /storage/.test(error.message);
}

/** Why a stream could not be made, with the numbers that are needed and the setting that helps: one line. */
export async function refusalInWords(
  error: unknown,
  stream: string,
  link: NatsLink,
  manager: JetStreamManager,
): Promise<string> {
  const said = error instanceof Error ? error.message : String(error);
  const refused = `JetStream of NATS (MUSTER_NATS_URL) cannot hold the stream ${stream}: ${said}.`;
  if (!(error instanceof JetStreamApiError)) return refused;
  const { replicas } = link.streams;
  const needed = `It reserves ${inMiB(bytesOf(link.streams, stream))} on each server that keeps it, all streams of Muster ${inMiB(reservedBytes(link.streams))}`;
  const smaller =
    'or make streams smaller with MUSTER_NATS_REPORTS_BYTES, MUSTER_NATS_FACTS_BYTES and MUSTER_NATS_PARTS_BYTES';
  if (error.code === notClustered || refusesReplicas(error)) {
    return `${refused} MUSTER_NATS_REPLICAS is ${replicas}, which takes a cluster of as many servers with JetStream; leave it out for as many as there are`;
  }
  if (accountLimits.includes(error.code)) {
    return `${refused} ${needed}; ${await accountInWords(manager)}: raise the account's JetStream limits, ${smaller}`;
  }
  if (insufficientStorage.includes(error.code) || saysStorage(error)) {
    return `${refused} ${needed}: raise max_file_store in the jetstream block of the servers' configuration (and the disk below it), ${smaller}`;
  }
  return refused;
}

/** What the account has and uses of JetStream's storage, bytes as MiB. */
async function accountInWords(manager: JetStreamManager): Promise<string> {
  try {
    const { limits, reserved_storage: reserved } = await manager.getAccountInfo();
    return `the account may keep ${inMiB(limits.max_storage)} over all replicas, ${inMiB(reserved)} of it reserved`;
  } catch {
    return 'the account does not say what it may keep';
  }
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
