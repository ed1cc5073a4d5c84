import { setImmediate as nextTurn } from 'node:timers/promises';
import { underNoSpan } from '@muster/platform/telemetry';
import type { BusLog } from './bus-log.ts';
import type { Subscription } from './event-bus.ts';

/** A fact on its way to one group. */
export interface Parcel<T> {
  fact: T;
  /** Called once: null when a handler took the fact, the reason when the bus closed first. */
  settle(failure: Error | null): void;
}

interface Member<T> {
  handle: (facts: T[]) => Promise<void>;
  maxBatch: number;
  stopping: boolean;
  running: Promise<void> | null;
  /** Ends the pause after a failure. */
  wake: () => void;
}

/**
 * One consumer group of the in-process bus: a queue that its members share. It outlives its members, as
 * a durable consumer does: what comes while nobody is there waits for the next member.
 */
export class MemoryConsumerGroup<T> {
  private readonly waiting: Parcel<T>[] = [];
  private readonly members = new Set<Member<T>>();
  private closing = false;

  private readonly retryPauseMs: number;
  private readonly log: BusLog;

  constructor(retryPauseMs: number, log: BusLog) {
    this.retryPauseMs = retryPauseMs;
    this.log = log;
  }

  get backlog(): number {
    return this.waiting.length;
  }

  add(parcel: Parcel<T>): void {
    this.waiting.push(parcel);
    this.startMembers();
  }

  join(handle: (facts: T[]) => Promise<void>, maxBatch: number): Subscription {
    const member: Member<T> = { handle, maxBatch, stopping: false, running: null, wake: () => {} };
    this.members.add(member);
    this.startMembers();
    return { stop: () => this.leave(member) };
  }

  /** Lets members handle what waits, without another try for what fails; the rest settles with `reason`. */
  async close(reason: Error): Promise<void> {
    this.closing = true;
    for (const member of this.members) member.wake();
    await Promise.all([...this.members].map((member) => member.running));
    this.members.clear();
    for (const parcel of this.waiting.splice(0)) parcel.settle(reason);
  }

  private async leave(member: Member<T>): Promise<void> {
    member.stopping = true;
    member.wake();
    await member.running;
    this.members.delete(member);
    this.startMembers();
  }

  private startMembers(): void {
    if (this.closing || this.waiting.length === 0) return;
    for (const member of this.members) {
      if (member.stopping || member.running) continue;
      // it handles the facts of others too, not only of who woke it
      member.running = underNoSpan(() => this.run(member)).finally(() => {
        member.running = null;
        this.startMembers();
      });
    }
  }

  private async run(member: Member<T>): Promise<void> {
    while (!member.stopping) {
      // Facts published in the same turn of the event loop travel together.
      await nextTurn();
      const batch = this.waiting.splice(0, member.maxBatch);
      if (batch.length === 0) return;
      if (!(await this.offer(member, batch))) {
        this.waiting.unshift(...batch);
        return;
      }
      for (const parcel of batch) parcel.settle(null);
    }
  }

  /** Hands the batch over again and again until it is taken; false when the member or the bus ends first. */
  private async offer(member: Member<T>, batch: Parcel<T>[]): Promise<boolean> {
    for (;;) {
      try {
        await member.handle(batch.map((parcel) => parcel.fact));
        return true;
      } catch (error) {
        this.log.warn({ err: error, facts: batch.length }, 'a consumer failed; its facts will come again');
      }
      if (!member.stopping && !this.closing) await this.pause(member);
      if (member.stopping || this.closing) return false;
    }
  }

  private pause(member: Member<T>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.retryPauseMs);
      member.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
