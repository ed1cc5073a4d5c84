import type { Log } from '@muster/platform/log';
import type { Subscription } from './event-bus.ts';

/** A fact on its way to one group. */
export interface Parcel<T> {
  fact: T;
  /** Told once: `null` when a handler took it, an error when the bus closed first. */
  settle(failure: Error | null): void;
}

interface Member<T> {
  handle: (facts: T[]) => Promise<void>;
  maxBatch: number;
  stopping: boolean;
  /** Ends the pause after a failure. */
  wake: () => void;
  running: Promise<void> | null;
}

/**
 * One consumer group of the in-process bus: a queue that its members share. Outlives its members, as a
 * durable consumer does: what comes while nobody is there waits for the next member.
 */
export class MemoryConsumerGroup<T> {
  private readonly waiting: Parcel<T>[] = [];
  private readonly members = new Set<Member<T>>();
  private closing = false;

  constructor(
    private readonly retryPauseMs: number,
    private readonly log: Log,
  ) {}

  get backlog(): number {
    return this.waiting.length;
  }

  add(parcel: Parcel<T>): void {
    this.waiting.push(parcel);
    for (const member of this.members) this.start(member);
  }

  join(handle: (facts: T[]) => Promise<void>, maxBatch: number): Subscription {
    const member: Member<T> = { handle, maxBatch, stopping: false, wake: () => {}, running: null };
    this.members.add(member);
    this.start(member);
    return { stop: () => this.leave(member) };
  }

  /** Lets the members finish what waits, without another try for what fails, and gives back the rest. */
  async close(failure: Error): Promise<void> {
    this.closing = true;
    for (const member of this.members) member.wake();
    await Promise.all([...this.members].map((member) => member.running));
    for (const parcel of this.waiting.splice(0)) parcel.settle(failure);
    this.members.clear();
  }

  private async leave(member: Member<T>): Promise<void> {
    member.stopping = true;
    member.wake();
    await member.running;
    this.members.delete(member);
  }

  private start(member: Member<T>): void {
    member.running ??= this.run(member).finally(() => {
      member.running = null;
    });
  }

  private async run(member: Member<T>): Promise<void> {
    while (!member.stopping) {
      // A turn of the event loop, so that facts published together travel together.
      await new Promise(setImmediate);
      const batch = this.waiting.splice(0, member.maxBatch);
      if (batch.length === 0) return;
      if (!(await this.offer(member, batch))) this.waiting.unshift(...batch);
      else for (const parcel of batch) parcel.settle(null);
      if (this.closing && this.members.size > 0 && this.waiting[0] === batch[0]) return;
    }
  }

  /** Hands the batch over until it is taken; false when the member stops or the bus closes first. */
  private async offer(member: Member<T>, batch: Parcel<T>[]): Promise<boolean> {
    for (;;) {
      try {
        await member.handle(batch.map((parcel) => parcel.fact));
        return true;
      } catch (error) {
        this.log.warn({ err: error, facts: batch.length }, 'a consumer failed; its facts will come again');
      }
      if (member.stopping || this.closing) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.retryPauseMs);
        member.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      if (member.stopping) return false;
    }
  }
}
