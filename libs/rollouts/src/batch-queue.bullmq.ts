import { randomUUID } from 'node:crypto';
import { RedisScript, closeRedis, openRedis, type RedisSettings } from '@muster/agents/redis-client.redis';
import type { DeadLetters } from '@muster/messages/dead-letters';
import { describeFailure, placeOf } from '@muster/messages/failures';
import { Queue, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { BatchQueue } from './batch-queue.ts';
import { FailedSteps, inPatience, isWorthATry, stepPatienceMs, type KnownLetters } from './failed-steps.ts';

export interface BullBatchQueueOptions extends RedisSettings {
  /** Pause after the first failure of a rollout; doubles up to a minute. Default 1,000. */
  retryPauseMs?: number;
  /** How soon another process may take over from one that died in a call. Default 10,000. */
  takeOverMs?: number;
  /** How long a step may take. Default five minutes. */
  patienceMs?: number;
  /** Where steps that fail again and again are told of; left out: they are tried for ever. */
  deadLetters?: DeadLetters;
}

/**
 * The clock of a cluster: delayed jobs of BullMQ.
 *
 * BullMQ cannot replace a job by an earlier one, nor add a job while the one of the same id runs. So a
 * job is a wake-up call only, and what counts is the hash `pending` (rollout → due time): `schedule`
 * writes it and adds a job, the job that finds its own time there takes it and calls the handler, jobs
 * that find another were superseded. A lock for each rollout keeps it to one call at a time.
 */
export function createBullBatchQueue(options: BullBatchQueueOptions): BatchQueue {
  return new BullBatchQueue(options);
}

const queueName = 'rollouts';
const prefix = 'muster';
const pendingKey = 'muster:rollouts:pending';
/** rollout → dead letter that tells of it. */
const lettersKey = 'muster:rollouts:letters';
/** rollout → calls that began and did not end yet, or never: their process died. */
const begunKey = 'muster:rollouts:begun';
/** So many processes may die in calls of one rollout. */
const maxDeaths = 3;
const lockKey = (rolloutId: string) => `muster:rollouts:lock:${rolloutId}`;
const concurrency = 8;
const busyPauseMs = 200;
const maxRetryPauseMs = 60_000;

interface Call {
  rolloutId: string;
  at: number;
  /** Failed calls before this one, in a row. */
  failures: number;
}

/**
 * rollout, time, now, overdue → 1 when the call is to be added. A call that should have come `overdue`
 * ms ago was lost between two commands, or nobody works: it holds nothing up.
 */
const scheduleScript = new RedisScript(`
local rollout, at, now, overdue = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local known = tonumber(redis.call('HGET', '${pendingKey}', rollout))
if known and known <= at and known > now - overdue then return 0 end
redis.call('HSET', '${pendingKey}', rollout, ARGV[2])
return 1`);

/** rollout, time → 1 when this call was pending, which it is no more. */
const takeScript = new RedisScript(`
if redis.call('HGET', '${pendingKey}', ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', '${pendingKey}', ARGV[1])`);

/** lock, token, ms → 1 when it was still ours and now lasts that much longer; 0 ms ends it. */
const keepLockScript = new RedisScript(`
if redis.call('GET', ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('PEXPIRE', ARGV[1], ARGV[3])`);

class BullBatchQueue implements BatchQueue {
  private readonly redis: Redis;
  private readonly queue: Queue<Call>;
  private readonly retryPauseMs: number;
  private readonly takeOverMs: number;
  private readonly failedSteps: FailedSteps | null;
  private worker: Worker<Call> | null = null;
  private workerRedis: Redis | null = null;

  private readonly options: BullBatchQueueOptions;

  constructor(options: BullBatchQueueOptions) {
    this.options = options;
    this.retryPauseMs = options.retryPauseMs ?? 1_000;
    this.takeOverMs = options.takeOverMs ?? 10_000;
    this.redis = openRedis(options, 'rollouts');
    this.failedSteps = options.deadLetters
      ? new FailedSteps(options.deadLetters, lettersIn(this.redis))
      : null;
    this.queue = new Queue(queueName, {
      connection: this.redis,
      prefix,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    // The connection itself logs what happens to it.
    this.queue.on('error', () => {});
  }

  async schedule(rolloutId: string, at: number): Promise<void> {
    await this.add({ rolloutId, at, failures: 0 });
  }

  async work(handle: (rolloutId: string) => Promise<void>): Promise<void> {
    this.workerRedis = openRedis({ ...this.options, patient: true }, 'rollouts-worker');
    this.worker = new Worker<Call>(queueName, (job) => this.run(job, handle), {
      connection: this.workerRedis,
      prefix,
      concurrency,
      lockDuration: this.takeOverMs,
      stalledInterval: this.takeOverMs,
      maxStalledCount: 1_000,
      // Rollouts would stand still for 15 s after Redis is back.
      runRetryDelay: 1_000,
    });
    this.worker.on('error', (error) =>
      this.options.log?.warn({ err: error }, 'the rollout queue reports an error'),
    );
    await this.worker.waitUntilReady();
  }

  async close(): Promise<void> {
    await this.worker?.close();
    if (this.workerRedis) await closeRedis(this.workerRedis);
    await this.queue.close();
    await closeRedis(this.redis);
  }

  private async add(call: Call): Promise<void> {
    const [at, now] = [Math.round(call.at), Date.now()];
    const wanted = await scheduleScript.run(
      this.redis,
      call.rolloutId,
      `${at}`,
      `${now}`,
      `${this.takeOverMs}`,
    );
    if (wanted === 1) await this.queue.add('advance', { ...call, at }, { delay: Math.max(at - now, 0) });
  }

  private async run(job: Job<Call>, handle: (rolloutId: string) => Promise<void>): Promise<void> {
    const { rolloutId, at, failures } = job.data;
    const taken = await takeScript.run(this.redis, rolloutId, `${at}`);
    // A later start is a call that died with its process after it had taken what was pending.
    if (taken !== 1 && job.attemptsStarted <= 1) return;
    const ran = await this.locked(rolloutId, async () => {
      if (await this.isDeadly(rolloutId)) return;
      try {
        await inPatience(handle(rolloutId), this.options.patienceMs ?? stepPatienceMs);
        await this.failedSteps?.succeeded(rolloutId);
      } catch (error) {
        await this.failed({ rolloutId, at, failures: failures + 1 }, error);
      } finally {
        await this.redis.hdel(begunKey, rolloutId).catch(() => {});
      }
    });
    if (!ran) await this.add({ rolloutId, at: Date.now() + busyPauseMs, failures });
  }

  /** `failures`: this one included. */
  private async failed({ rolloutId, failures }: Call, error: unknown): Promise<void> {
    const detail = { error: describeFailure(error), at: placeOf(error), rolloutId, failures };
    if (this.failedSteps && !isWorthATry(error, failures)) {
      this.options.log?.warn(detail, 'a rollout step fails again and again');
      return this.failedSteps.setAside(rolloutId, error, failures);
    }
    const pause = Math.min(this.retryPauseMs * 2 ** (failures - 1), maxRetryPauseMs);
    this.options.log?.warn({ ...detail, pause }, 'a rollout step failed; it is tried again');
    await this.add({ rolloutId, at: Date.now() + pause, failures });
  }

  /** Have processes died in calls of this rollout, as often as they may? It rests until its letter is gone. */
  private async isDeadly(rolloutId: string): Promise<boolean> {
    const begun = await this.redis.hincrby(begunKey, rolloutId, 1);
    if (!this.failedSteps || begun <= maxDeaths) return false;
    if (await this.failedSteps.isForgiven(rolloutId)) {
      await this.redis.hset(begunKey, rolloutId, 1);
      return false;
    }
    await this.failedSteps.setAside(rolloutId, new Error('processes died in it'), begun - 1);
    return true;
  }

  /** False when another call of the rollout is running. */
  private async locked(rolloutId: string, work: () => Promise<void>): Promise<boolean> {
    const [key, token] = [lockKey(rolloutId), randomUUID()];
    if ((await this.redis.set(key, token, 'PX', this.takeOverMs, 'NX')) !== 'OK') return false;
    const keep = (ms: number) => keepLockScript.run(this.redis, key, token, String(ms));
    const keeping = setInterval(() => void keep(this.takeOverMs).catch(() => {}), this.takeOverMs / 3);
    try {
      await work();
    } finally {
      clearInterval(keeping);
      // A lock that cannot be ended now ends by itself.
      await keep(0).catch(() => {});
    }
    return true;
  }
}

function lettersIn(redis: Redis): KnownLetters {
  return {
    get: (rolloutId) => redis.hget(lettersKey, rolloutId),
    set: async (rolloutId, letter) => void (await redis.hset(lettersKey, rolloutId, letter)),
    delete: async (rolloutId) => void (await redis.hdel(lettersKey, rolloutId)),
  };
}
