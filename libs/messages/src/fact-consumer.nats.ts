import { setTimeout as delay } from 'node:timers/promises';
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import { BatchIsolation, maxTries } from './batch-isolation.ts';
import type { NatsLink } from './connection.nats.ts';
import type { DeadLetters } from './dead-letters.ts';
import { deliveriesOf, headersFor, isFor, standingOf } from './delivered-message.nats.ts';
import type { Subscription } from './event-bus.ts';
import { agentOfFact, partsOfFact } from './fact-parts.ts';
import { describeFailure, kindOfFailure, placeOf } from './failures.ts';
import { LargeMessages, PartsGone } from './large-messages.nats.ts';
import { decodeMessage, encodeMessage, type Told } from './message-codec.ts';
import { PullSubscription, acknowledge, giveBack, stillWorking } from './pull-subscription.nats.ts';
import { ackWaitMs, ensureConsumer, ensureStreams, isConsumerMissing } from './streams.nats.ts';
import type { Facts } from './vocabulary.ts';

export interface FactConsumerOptions<S extends keyof Facts> {
  subject: S;
  group: string;
  handle: (facts: Facts[S][]) => Promise<void>;
  maxBatch: number;
  retryPauseMs: number;
  patienceMs: number;
  deadLetters: DeadLetters;
  /** Publishes on the subject, whatever the size. */
  publish: (subject: string, payload: Uint8Array, headers: MsgHdrs) => Promise<void>;
}

class Unreadable extends Error {}

/** Between two requests for messages when they fail: while the cluster elects who keeps the consumer. */
const fetchPauseMs = 250;
/** Members of a group that can hold a full share at once. */
const expectedMembers = 8;

/** A message that was opened; no fact where it was set aside, or is not for this group. */
interface Opened<S extends keyof Facts> {
  message: Msg;
  fact: Facts[S] | null;
}

/**
 * One member of a consumer group. While one batch is handled the next is fetched, no more. A batch that
 * fails stays here and is tried again, so that nothing overtakes it; the server hears that all of it is
 * still being worked on. What is large, or was delivered several times without a word of what became of it,
 * is handled alone: processes may have died on it.
 */
export class FactConsumer<S extends keyof Facts> implements Subscription {
  private readonly waiting: Msg[] = [];
  private inHand: Msg[] = [];
  private readonly stopped = new AbortController();
  private readonly pull: PullSubscription;
  private readonly large: LargeMessages;
  private readonly isolation: BatchIsolation<S>;
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
    const { subject } = options;
    this.isolation = new BatchIsolation({
      ...options,
      stopped: this.stopped.signal,
      pause: (ms) => this.pause(ms),
      log: link.log,
      setAside: (fact, failure) =>
        this.setAside(encodeMessage<keyof Told>(subject, fact), failure, agentOfFact(subject, fact)),
    });
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
      this.inHand = this.waiting.splice(0, batchSize(this.waiting, this.options.maxBatch));
      this.signal();
      const taken = await this.hand(this.inHand);
      for (const [place, message] of this.inHand.entries()) {
        if (place < taken) this.finish(message);
        else giveBack(message);
      }
      this.inHand = [];
    }
  }

  /** Answers how many messages, from the first, have been seen to: all, unless the member stops. */
  private async hand(messages: Msg[]): Promise<number> {
    const standing = standingOf(messages[0]!);
    const opened: Opened<S>[] = [];
    for (const message of messages) {
      const one = await this.open(message, standing);
      if (one === 'stopped') break;
      opened.push(one);
    }
    const facts = opened.flatMap(({ fact }) => (fact === null ? [] : [fact]));
    if (facts.length === 0) return opened.length;
    if (standing === 'suspect' && (await this.divide(messages[0]!, facts[0]!))) return opened.length;
    const taken = await this.isolation.take(facts);
    if (taken === facts.length) return opened.length;
    return opened.findIndex(({ fact }) => fact === facts[taken]);
  }

  /**
   * Puts each part of a message that processes may have died on into the stream by itself, so that
   * the next death tells which it was. False: it has one part alone.
   */
  private async divide(message: Msg, fact: Facts[S]): Promise<boolean> {
    const { subject, group, publish } = this.options;
    const parts = partsOfFact(subject, fact);
    if (parts.length < 2) return false;
    const divided = await this.insistently('a suspect message could not be divided', async () => {
      for (const part of parts) {
        await publish(
          subject,
          encodeMessage<keyof Told>(subject, part),
          headersFor(group, { suspect: true }),
        );
      }
    });
    if (divided) {
      const deliveries = deliveriesOf(message);
      this.link.log.warn({ subject, group, deliveries, parts: parts.length }, 'divided a suspect message');
    }
    return divided;
  }

  /** What cannot be opened, or has no hope, is set aside. */
  private async open(message: Msg, standing: ReturnType<typeof standingOf>): Promise<Opened<S> | 'stopped'> {
    const { subject, group, retryPauseMs } = this.options;
    if (!isFor(group, message)) return { message, fact: null };
    const hopeless = standing === 'hopeless' || standing === 'untouchable';
    const fatal = {
      error: 'delivered again and again without an end: processes may have died on it',
      tries: deliveriesOf(message),
    };
    if (standing === 'untouchable') return this.aside(message, new Uint8Array(), fatal, null);
    for (let tries = 1; ; tries += 1) {
      let payload: Uint8Array = new Uint8Array();
      try {
        payload = message.headers ? await this.large.payloadOf(message) : message.data;
        if (hopeless) return await this.aside(message, payload, fatal, this.agentIn(payload));
        return { message, fact: this.decode(payload) };
      } catch (error) {
        const unreadable = error instanceof Unreadable || error instanceof PartsGone;
        const isTransient = !unreadable && kindOfFailure(error) === 'transient';
        const text = describeFailure(error);
        if (unreadable || (!isTransient && tries >= maxTries)) {
          return this.aside(message, payload, { error: text, tries }, null);
        }
        const detail = { error: text, at: placeOf(error), subject, group };
        this.link.log.warn(detail, 'a message could not be opened; trying again');
        if (isTransient) tries = 0;
        await this.pause(retryPauseMs);
        if (this.stopping) return 'stopped';
      }
    }
  }

  private async aside(
    message: Msg,
    payload: Uint8Array,
    failure: { error: string; tries: number },
    agent: string | null,
  ): Promise<Opened<S> | 'stopped'> {
    const kept = await this.insistently('a dead letter cannot be kept now', () =>
      this.setAside(payload, failure, agent),
    );
    return kept ? { message, fact: null } : 'stopped';
  }

  private async setAside(
    payload: Uint8Array,
    { error, tries }: { error: string; tries: number },
    agent: string | null,
  ): Promise<void> {
    const { subject, group, deadLetters } = this.options;
    await deadLetters.add({ subject, group, tries, error, agent, payload });
  }

  /** Does it again and again until it succeeds; false when the member stops first. */
  private async insistently(failed: string, work: () => Promise<void>): Promise<boolean> {
    for (;;) {
      try {
        await work();
        return true;
      } catch (error) {
        const { subject, group } = this.options;
        this.link.log.warn({ error: describeFailure(error), subject, group }, `${failed}; trying again`);
      }
      if (!this.stopping) await this.pause(this.options.retryPauseMs);
      if (this.stopping) return false;
    }
  }

  /** Of what processes died on, only little is looked at. */
  private agentIn(payload: Uint8Array): string | null {
    if (payload.length > 64 * 1024) return null;
    try {
      return agentOfFact(this.options.subject, this.decode(payload));
    } catch {
      return null;
    }
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

  private async pause(ms = this.options.retryPauseMs): Promise<void> {
    await delay(ms, undefined, { signal: this.stopped.signal }).catch(() => {});
  }

  private signal(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }
}

/** How many messages, from the first, are handled together. */
function batchSize(messages: readonly Msg[], most: number): number {
  const special = messages.findIndex((message) => message.headers || standingOf(message) !== 'innocent');
  if (special < 0) return most;
  return special === 0 ? 1 : Math.min(special, most);
}

async function ensure<S extends keyof Facts>(link: NatsLink, options: FactConsumerOptions<S>) {
  const manager = await ensureStreams(link);
  const maxAckPending = options.maxBatch * 2 * expectedMembers;
  const info = await ensureConsumer(manager, options.subject, options.group, maxAckPending);
  return { stream: info.stream_name, name: info.name };
}
