import { setTimeout as delay } from 'node:timers/promises';
import type { Msg } from '@nats-io/transport-node';
import type { NatsLink } from './connection.nats.ts';
import type { Subscription } from './event-bus.ts';
import { LargeMessages, PartsGone } from './large-messages.nats.ts';
import { decodeMessage } from './message-codec.ts';
import { PullSubscription, acknowledge, giveBack, stillWorking } from './pull-subscription.nats.ts';
import { ackWaitMs, ensureConsumer, ensureStreams, isConsumerMissing } from './streams.nats.ts';
import type { Facts } from './vocabulary.ts';

export interface FactConsumerOptions<S extends keyof Facts> {
  subject: S;
  group: string;
  handle: (facts: Facts[S][]) => Promise<void>;
  maxBatch: number;
  retryPauseMs: number;
}

class Unreadable extends Error {}

/** Between two requests for messages when they fail: while the cluster elects who keeps the consumer. */
const fetchPauseMs = 250;
/** Members of a group that can hold a full share at once. */
const expectedMembers = 8;

/**
 * One member of a consumer group. While one batch is handled the next is fetched, no more. A batch that
 * fails stays here and is tried again, so that nothing overtakes it; the server hears that all of it is
 * still being worked on.
 */
export class FactConsumer<S extends keyof Facts> implements Subscription {
  private readonly waiting: Msg[] = [];
  private inHand: Msg[] = [];
  private readonly stopped = new AbortController();
  private readonly pull: PullSubscription;
  private readonly large: LargeMessages;
  private readonly keepingAlive: NodeJS.Timeout;
  private readonly done: Promise<unknown>;
  private changed = Promise.withResolvers<void>();

  private readonly link: NatsLink;
  private readonly options: FactConsumerOptions<S>;

  private constructor(
    link: NatsLink,
    options: FactConsumerOptions<S>,
    { stream, name }: { stream: string; name: string },
  ) {
    this.link = link;
    this.options = options;
    this.large = new LargeMessages(link);
    this.pull = new PullSubscription(link, stream, name, (message) => {
      this.waiting.push(message);
      this.signal();
    });
    this.keepingAlive = setInterval(() => this.keepAlive(), ackWaitMs / 4);
    this.done = Promise.all([this.fetchAll(), this.handleAll()]);
  }

  /** Rejects when the stream or the durable consumer cannot be made. */
  static async start<S extends keyof Facts>(link: NatsLink, options: FactConsumerOptions<S>) {
    return new FactConsumer(link, options, await ensure(link, options));
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.signal();
    await this.pull.drain();
    await this.done;
    clearInterval(this.keepingAlive);
    for (const message of this.waiting.splice(0)) giveBack(message);
    // Whoever takes part from now on finds all of it.
    await this.link.flush();
  }

  private get stopping(): boolean {
    return this.stopped.signal.aborted;
  }

  private async fetchAll(): Promise<void> {
    const { subject, group } = this.options;
    let failing = false;
    while (!this.stopping) {
      while (this.waiting.length > 0 && !this.stopping) await this.changed.promise;
      if (this.stopping) return;
      try {
        await this.pull.fetch(this.options.maxBatch);
        failing = false;
      } catch (error) {
        if (!failing)
          this.link.log.warn({ err: error, subject, group }, 'fetching facts failed; it is tried again');
        failing = true;
        await this.pause(fetchPauseMs);
        await this.restore();
      }
    }
  }

  /** Makes stream and consumer anew when they were wiped. One whose leader is being elected is there. */
  private async restore(): Promise<void> {
    if (this.stopping || !this.link.available) return;
    const { subject, group } = this.options;
    try {
      if (await isConsumerMissing(this.link, subject, group)) await ensure(this.link, this.options);
    } catch (error) {
      this.link.log.warn({ err: error, subject, group }, 'a consumer could not be made anew');
    }
  }

  private async handleAll(): Promise<void> {
    for (;;) {
      while (this.waiting.length === 0 && !this.stopping) await this.changed.promise;
      if (this.stopping) return;
      this.inHand = this.waiting.splice(0, this.options.maxBatch);
      this.signal();
      const taken = await this.hand(this.inHand);
      for (const message of this.inHand) {
        if (taken) this.finish(message);
        else giveBack(message);
      }
      this.inHand = [];
    }
  }

  /** Calls the handler until it takes the facts; false when the member stops first. */
  private async hand(messages: Msg[]): Promise<boolean> {
    let facts: Facts[S][] | null = null;
    for (;;) {
      try {
        facts ??= await this.readable(messages);
        if (facts.length > 0) await this.options.handle(facts);
        return true;
      } catch (error) {
        const { subject, group } = this.options;
        this.link.log.warn({ err: error, subject, group }, 'a consumer failed; its facts will come again');
      }
      if (!this.stopping) await this.pause(this.options.retryPauseMs);
      if (this.stopping) return false;
    }
  }

  private async readable(messages: Msg[]): Promise<Facts[S][]> {
    const facts: Facts[S][] = [];
    for (const message of messages) {
      try {
        const payload = message.headers ? await this.large.payloadOf(message) : message.data;
        facts.push(this.decode(payload));
      } catch (error) {
        if (!(error instanceof PartsGone || error instanceof Unreadable)) throw error;
        this.link.log.error(
          { err: error, subject: this.options.subject },
          'dropped a message that does not fit',
        );
      }
    }
    return facts;
  }

  private decode(payload: Uint8Array): Facts[S] {
    try {
      return decodeMessage(this.options.subject, payload) as Facts[S];
    } catch (error) {
      throw new Unreadable('its bytes are no such message', { cause: error });
    }
  }

  private finish(message: Msg): void {
    acknowledge(message);
    // Other groups may need the parts of a fact yet; reports have but one.
    if (message.headers && this.options.subject === 'reports') void this.large.forget(message);
  }

  private keepAlive(): void {
    for (const message of this.inHand) stillWorking(message);
    for (const message of this.waiting) stillWorking(message);
  }

  private async pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.stopped.signal }).catch(() => {});
  }

  private signal(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }
}

async function ensure<S extends keyof Facts>(link: NatsLink, options: FactConsumerOptions<S>) {
  const manager = await ensureStreams(link);
  const maxAckPending = options.maxBatch * 2 * expectedMembers;
  const info = await ensureConsumer(manager, options.subject, options.group, maxAckPending);
  return { stream: info.stream_name, name: info.name };
}
