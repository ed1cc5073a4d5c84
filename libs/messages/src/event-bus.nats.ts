import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import { RequestError, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import type { NatsLink } from './connection.nats.ts';
import { BusUnavailable, MessageTooLarge, RequestFailed } from './errors.ts';
import type { EventBus, Subscription } from './event-bus.ts';
import { FactConsumer } from './fact-consumer.nats.ts';
import { LargeMessages } from './large-messages.nats.ts';
import {
  decodeAnswer,
  decodeMessage,
  decodeQuestion,
  encodeJson,
  encodeMessage,
  type Told,
} from './message-codec.ts';
import { payloadOf, reply, unsubscribe } from './replies.nats.ts';
import { ensureStreams, isStreamMissing, raiseReplicas, whyNotStored } from './streams.nats.ts';
import type { Broadcasts, Facts, Requests } from './vocabulary.ts';

export interface NatsEventBusOptions {
  /** Pause before a rejecting consumer gets its facts again. Default 1,000. */
  retryPauseMs?: number;
}

/**
 * The bus of a cluster. Facts go through JetStream (`streams.nats.ts`): `reports` can have one group only,
 * the other facts any number, and a group that is new finds those of the last hour. After a member of a
 * group died, what it held comes to the others 20 s later, behind newer facts.
 *
 * Rejects with `BusUnavailable` when JetStream cannot be used. Owns the link: `close` closes it.
 */
export async function createNatsEventBus(
  link: NatsLink,
  options: NatsEventBusOptions = {},
): Promise<EventBus> {
  await ensureStreams(link);
  return new NatsEventBus(link, options.retryPauseMs ?? 1_000);
}

const patienceMs = 5_000;
/** How long a stream may take to store a message. After an election the message may have been lost with its leader. */
const storedWithinMs = 3_000;
/** Between two looks whether the cluster has servers for more replicas. */
const raiseEveryMs = 30_000;

class NatsEventBus implements EventBus {
  private readonly consumers = new Set<Subscription>();
  private readonly answering = new Set<Promise<void>>();
  private readonly streams: JetStreamClient;
  private readonly large: LargeMessages;

  private readonly link: NatsLink;
  private readonly retryPauseMs: number;
  private readonly raising: NodeJS.Timeout;

  constructor(link: NatsLink, retryPauseMs: number) {
    this.link = link;
    this.retryPauseMs = retryPauseMs;
    this.streams = jetstream(link.connection);
    this.large = new LargeMessages(link);
    this.raising = setInterval(() => void this.raiseReplicas(), raiseEveryMs);
    void this.raiseReplicas();
  }

  get available(): boolean {
    return this.link.available;
  }

  async check(): Promise<string | null> {
    return this.available ? whyNotStored(this.link) : 'NATS is not connected';
  }

  async publish<S extends keyof Facts>(subject: S, fact: Facts[S]): Promise<void> {
    if (!this.available) throw new BusUnavailable('not connected to NATS');
    const payload = encodeMessage<keyof Told>(subject, fact);
    try {
      if (this.large.fits(payload)) return await this.store(subject, payload);
      await this.large.send(subject, payload, (...message) => this.store(...message));
    } catch (error) {
      if (error instanceof MessageTooLarge) throw error;
      if (isUnheard(error)) throw new BusUnavailable(`no server of NATS leads the stream of ${subject} now`);
      throw unavailable(`${subject} could not be published`, error);
    }
  }

  async consume<S extends keyof Facts>(
    subject: S,
    group: string,
    handle: (facts: Facts[S][]) => Promise<void>,
    options: { maxBatch?: number } = {},
  ): Promise<Subscription> {
    const consumer = await FactConsumer.start(this.link, {
      subject,
      group,
      handle,
      maxBatch: options.maxBatch ?? 100,
      retryPauseMs: this.retryPauseMs,
    });
    this.consumers.add(consumer);
    return {
      stop: async () => {
        await consumer.stop();
        this.consumers.delete(consumer);
      },
    };
  }

  broadcast<S extends keyof Broadcasts>(subject: S, message: Broadcasts[S]): void {
    if (this.available) this.link.connection.publish(subject, encodeMessage<keyof Told>(subject, message));
  }

  async listen<S extends keyof Told>(subject: S, handle: (message: Told[S]) => void): Promise<Subscription> {
    const subscription = this.link.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return this.link.log.error({ err: error, subject }, 'a subscription failed');
        try {
          handle(decodeMessage(subject, message.data));
        } catch (failure) {
          this.link.log.error({ err: failure, subject }, 'a message did not fit or its listener failed');
        }
      },
    });
    await this.link.flush();
    return { stop: () => unsubscribe(subscription) };
  }

  async request<S extends keyof Requests>(
    subject: S,
    question: Requests[S]['question'],
    options: { timeoutMs?: number } = {},
  ): Promise<Requests[S]['answer']> {
    if (!this.available) throw new BusUnavailable('not connected to NATS');
    const answer = payloadOf(await this.ask(subject, encodeJson(question), options.timeoutMs ?? patienceMs));
    try {
      return decodeAnswer(subject, answer);
    } catch (error) {
      throw new RequestFailed(`the answer to ${subject} does not fit`, { cause: error });
    }
  }

  async respond<S extends keyof Requests>(
    subject: S,
    answer: (question: Requests[S]['question']) => Promise<Requests[S]['answer']>,
  ): Promise<Subscription> {
    const subscription = this.link.connection.subscribe(subject, {
      queue: 'responders',
      callback: (error, message) => {
        if (error) return this.link.log.error({ err: error, subject }, 'a subscription failed');
        const answering = reply(message, async () =>
          encodeJson(await answer(decodeQuestion(subject, message.data))),
        );
        this.answering.add(answering);
        void answering.finally(() => this.answering.delete(answering));
      },
    });
    await this.link.flush();
    return {
      stop: async () => {
        await unsubscribe(subscription);
        await this.answersGiven();
      },
    };
  }

  async close(): Promise<void> {
    clearInterval(this.raising);
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await this.answersGiven();
    await this.link.close();
  }

  /** Waits for responders, not for those that hang: their askers have given up. */
  private async answersGiven(): Promise<void> {
    await Promise.race([Promise.all(this.answering), delay(patienceMs, undefined, { ref: false })]);
  }

  /** Streams that were wiped with the server's disk are made again; one that elects its leader is waited for. */
  private async store(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<void> {
    const options = { timeout: storedWithinMs, ...(headers && { headers }) };
    try {
      await this.streams.publish(subject, payload, options);
    } catch (error) {
      if (!isUnheard(error) || !(await isStreamMissing(this.link, subject))) throw error;
      await ensureStreams(this.link);
      await this.streams.publish(subject, payload, options);
    }
  }

  /** Until each stream has as many as wanted: a cluster that starts may not have all of its servers yet. */
  private async raiseReplicas(): Promise<void> {
    const raised = this.available && (await raiseReplicas(this.link).catch(() => false));
    if (raised) clearInterval(this.raising);
  }

  private async ask(subject: string, payload: Uint8Array, timeout: number): Promise<Msg> {
    try {
      return await this.link.connection.request(subject, payload, { timeout });
    } catch (error) {
      throw unavailable(`no answer to ${subject}`, error);
    }
  }
}

/** Nobody listens on the subject: there is no stream, or it has no leader now. */
function isUnheard(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof RequestError && cause.isNoResponders();
}

function unavailable(what: string, error: unknown): BusUnavailable {
  if (error instanceof BusUnavailable) return error;
  return new BusUnavailable(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
