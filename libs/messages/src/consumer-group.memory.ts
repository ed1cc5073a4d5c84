import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { underNoSpan } from '@muster/platform/telemetry';
import { BatchIsolation, type IsolationOptions } from './batch-isolation.ts';
import { BusUnavailable } from './errors.ts';
import type { Subscription } from './event-bus.ts';
import type { Facts } from './vocabulary.ts';

/** A fact on its way to one group. */
export interface Parcel<T> {
  fact: T;
  /** When it was published, Unix milliseconds. */
  at: number;
  /** Called once: null when a handler took the fact or it was set aside, the reason when the bus closed first. */
  settle(failure: Error | null): void;
}

interface Member<S extends keyof Facts> {
  isolation: BatchIsolation<S>;
  maxBatch: number;
  stopped: AbortController;
  /** It leaves the group: takes nothing more. */
  leaving: boolean;
  running: Promise<void> | null;
}

export type GroupOptions<S extends keyof Facts> = Omit<IsolationOptions<S>, 'handle' | 'stopped' | 'pause'>;

/**
 * One consumer group of the in-process bus: a queue that its members share. It outlives its members, as
 * a durable consumer does: what comes while nobody is there waits for the next member.
 */
export class MemoryConsumerGroup<S extends keyof Facts> {
  private readonly waiting: Parcel<Facts[S]>[] = [];
  private readonly inHand = new Set<Parcel<Facts[S]>>();
  private readonly members = new Set<Member<S>>();
  private closing = false;
  private settled = 0;
  private dropped = 0;

  private readonly options: GroupOptions<S>;

  constructor(options: GroupOptions<S>) {
    this.options = options;
  }

  get backlog(): number {
    return this.waiting.length;
  }

  /** Facts handled or set aside so far. */
  get taken(): number {
    return this.settled;
  }

  /** When the oldest fact that is not handled yet was published, Unix milliseconds. */
  get oldestAt(): number | null {
    const [held] = this.inHand;
    return held?.at ?? this.waiting[0]?.at ?? null;
  }

  /** It has members, and takes nothing. */
  get isStuck(): boolean {
    return this.members.size > 0 && (this.oldestAt ?? Infinity) < Date.now() - this.options.patienceMs;
  }

  /** Gives up on the fact that has waited longest. */
  dropOldest(): void {
    const dropped = this.waiting.shift();
    if (!dropped) return;
    const { subject, group, log } = this.options;
    if (this.dropped++ % 1_000 === 0)
      log.error({ subject, group }, 'a group lags too far behind; its oldest facts go');
    dropped.settle(new BusUnavailable(`${group} lags too far behind`));
  }

  add(parcel: Parcel<Facts[S]>): void {
    this.waiting.push(parcel);
    this.startMembers();
  }

  join(handle: (facts: Facts[S][]) => Promise<void>, maxBatch: number): Subscription {
    const stopped = new AbortController();
    const { signal } = stopped;
    const pause = (ms: number) => delay(ms, undefined, { signal }).catch(() => {});
    const isolation = new BatchIsolation<S>({ ...this.options, handle, stopped: signal, pause });
    const member: Member<S> = { isolation, maxBatch, stopped, leaving: false, running: null };
    this.members.add(member);
    this.startMembers();
    return { stop: () => this.leave(member) };
  }

  /** Lets members handle what waits, without another try for what fails; the rest settles with `reason`. */
  async close(reason: Error): Promise<void> {
    this.closing = true;
    for (const member of this.members) member.stopped.abort();
    await Promise.all([...this.members].map((member) => member.running));
    this.members.clear();
    for (const parcel of this.waiting.splice(0)) parcel.settle(reason);
  }

  private async leave(member: Member<S>): Promise<void> {
    member.leaving = true;
    member.stopped.abort();
    await member.running;
    this.members.delete(member);
    this.startMembers();
  }

  private startMembers(): void {
    if (this.closing || this.waiting.length === 0) return;
    for (const member of this.members) {
      if (member.leaving || member.running) continue;
      // it handles the facts of others too, not only of who woke it
      member.running = underNoSpan(() => this.run(member)).finally(() => {
        member.running = null;
        this.startMembers();
      });
    }
  }

  private async run(member: Member<S>): Promise<void> {
    while (!member.leaving) {
      // Facts published in the same turn of the event loop travel together.
      await nextTurn();
      const batch = this.waiting.splice(0, member.maxBatch);
      if (batch.length === 0) return;
      for (const parcel of batch) this.inHand.add(parcel);
      const taken = await member.isolation.take(batch.map(({ fact }) => fact));
      for (const parcel of batch) this.inHand.delete(parcel);
      for (const parcel of batch.slice(0, taken)) parcel.settle(null);
      this.settled += taken;
      this.waiting.unshift(...batch.slice(taken));
      if (taken < batch.length) return;
    }
  }
}
