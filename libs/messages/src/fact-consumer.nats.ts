import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, type Consumer, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import type { Subscription } from './event-bus.ts';
import type { NatsLink } from './connection.nats.ts';
import { decodeMessage } from './message-codec.ts';
import { ackWaitMs, ensureConsumer, ensureStreams } from './streams.nats.ts';
import type { Facts } from './vocabulary.ts';

export interface FactConsumerOptions<S extends keyof Facts> {
  subject: S;
  group: string;
  handle: (facts: Facts[S][]) => Promise<void>;
  maxBatch: number;
  retryPauseMs: number;
}

/** Members of a group that can hold a full share at once. */
const expectedMembers = 8;
const fetchExpiresMs = 5_000;

/**
 * One member of a consumer group. While one batch is handled the next is fetched, no more. A batch that
 * fails stays here and is tried again, so that nothing overtakes it; the server hears that all of it is
 * still being worked on.
 */
export class FactConsumer<S extends keyof Facts> implements Subscription {
  private readonly waiting: JsMsg[] = [];
  private inHand: JsMsg[] = [];
  private fetching: ConsumerMessages | null = null;
  private readonly stopped = new AbortController();
  private wakeAll: () => void = () => {};
  private changed: Promise<void> = Promise.resolve();
  private readonly done: Promise<unknown>;
  private readonly keepingAlive: NodeJS.Timeout;

  private constructor(
    private readonly link: NatsLink,
    private readonly options: FactConsumerOptions<S>,
    consumer: Consumer,
  ) {
    this.armChange();
    this.keepingAlive = setInterval(() => this.keepAlive(), ackWaitMs / 4);
    this.done = Promise.all([this.fetchAll(consumer), this.handleAll()]);
  }

  /** Rejects when the stream or the durable consumer cannot be made. */
  static async start<S extends keyof Facts>(link: NatsLink, options: FactConsumerOptions<S>) {
    return new FactConsumer(link, options, await open(link, options));
  }

  private get stopping(): boolean {
    return this.stopped.signal.aborted;
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.signal();
    void this.fetching?.close();
    await this.done;
    clearInterval(this.keepingAlive);
    for (const message of this.waiting.splice(0)) message.nak();
    // From here on the server gives this member nothing any more.
    await this.link.flush();
  }

  private async fetchAll(opened: Consumer): Promise<void> {
    let consumer: Consumer | null = opened;
    while (!this.stopping) {
      try {
        consumer ??= await open(this.link, this.options);
        await this.fetchOnce(consumer);
      } catch (error) {
        if (this.stopping) return;
        const { subject, group } = this.options;
        this.link.log.warn({ err: error, subject, group }, 'fetching facts failed; starting over');
        consumer = null;
        await this.pause();
      }
    }
  }

  private async fetchOnce(consumer: Consumer): Promise<void> {
    while (this.waiting.length > 0 && !this.stopping) await this.changed;
    if (this.stopping) return;
    this.fetching = await consumer.fetch({ max_messages: this.options.maxBatch, expires: fetchExpiresMs });
    for await (const message of this.fetching) {
      this.waiting.push(message);
      this.signal();
    }
  }

  private async handleAll(): Promise<void> {
    for (;;) {
      while (this.waiting.length === 0 && !this.stopping) await this.changed;
      if (this.stopping) return;
      this.inHand = this.waiting.splice(0, this.options.maxBatch);
      this.signal();
      const taken = await this.hand(this.readable(this.inHand));
      for (const message of this.inHand) {
        if (taken) message.ack();
        else message.nak();
      }
      this.inHand = [];
    }
  }

  /** Calls the handler until it takes the facts; false when the member stops first. */
  private async hand(facts: Facts[S][]): Promise<boolean> {
    while (facts.length > 0) {
      try {
        await this.options.handle(facts);
        return true;
      } catch (error) {
        const { subject, group } = this.options;
        this.link.log.warn({ err: error, subject, group }, 'a consumer failed; its facts will come again');
      }
      if (!this.stopping) await this.pause();
      if (this.stopping) return false;
    }
    return true;
  }

  private readable(messages: JsMsg[]): Facts[S][] {
    const facts: Facts[S][] = [];
    for (const message of messages) {
      try {
        facts.push(decodeMessage(this.options.subject, message.data) as Facts[S]);
      } catch (error) {
        this.link.log.error(
          { err: error, subject: this.options.subject },
          'dropped a message that does not fit',
        );
      }
    }
    return facts;
  }

  private keepAlive(): void {
    for (const message of this.inHand) message.working();
    for (const message of this.waiting) message.working();
  }

  private async pause(): Promise<void> {
    await delay(this.options.retryPauseMs, undefined, { signal: this.stopped.signal }).catch(() => {});
  }

  private armChange(): void {
    this.changed = new Promise((resolve) => {
      this.wakeAll = resolve;
    });
  }

  private signal(): void {
    const wake = this.wakeAll;
    this.armChange();
    wake();
  }
}

async function open<S extends keyof Facts>(
  link: NatsLink,
  options: FactConsumerOptions<S>,
): Promise<Consumer> {
  const manager = await ensureStreams(link.connection);
  const maxAckPending = options.maxBatch * 2 * expectedMembers;
  const info = await ensureConsumer(manager, options.subject, options.group, maxAckPending);
  return jetstream(link.connection).consumers.getConsumerFromInfo(info);
}
