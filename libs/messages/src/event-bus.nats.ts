import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import { headers, RequestError, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { traceparent, under } from '@muster/platform/telemetry';
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
import { ensureStreams } from './streams.nats.ts';
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
  await ensureStreams(link.connection);
  return new NatsEventBus(link, options.retryPauseMs ?? 1_000);
}

const patienceMs = 5_000;
/** W3C Trace Context, as in HTTP. */
const traceHeader = 'traceparent';

class NatsEventBus implements EventBus {
  private readonly consumers = new Set<Subscription>();
  private readonly answering = new Set<Promise<void>>();
  private readonly streams: JetStreamClient;
  private readonly large: LargeMessages;

  private readonly link: NatsLink;
  private readonly retryPauseMs: number;

  constructor(link: NatsLink, retryPauseMs: number) {
    this.link = link;
    this.retryPauseMs = retryPauseMs;
    this.streams = jetstream(link.connection);
    this.large = new LargeMessages(link);
  }

  get available(): boolean {
    return this.link.available;
  }

  async publish<S extends keyof Facts>(subject: S, fact: Facts[S]): Promise<void> {
    const payload = encodeMessage<keyof Told>(subject, fact);
    if (!this.available) throw new BusUnavailable('not connected to NATS');
    try {
      if (this.large.fits(payload)) return await this.store(subject, payload);
      await this.large.send(subject, payload, (...message) => this.store(...message));
    } catch (error) {
      if (error instanceof MessageTooLarge) throw error;
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
        const answering = under(message.headers?.get(traceHeader), () =>
          reply(message, async () => encodeJson(await answer(decodeQuestion(subject, message.data)))),
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
    await Promise.all([...this.consumers].map((consumer) => consumer.stop()));
    await this.answersGiven();
    await this.link.close();
  }

  /** Waits for responders, not for those that hang: their askers have given up. */
  private async answersGiven(): Promise<void> {
    await Promise.race([Promise.all(this.answering), delay(patienceMs, undefined, { ref: false })]);
  }

  /** Streams that were wiped with the server's disk are made again. */
  private async store(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<void> {
    const options = { timeout: patienceMs, ...(headers && { headers }) };
    try {
      await this.streams.publish(subject, payload, options);
    } catch (error) {
      if (!hasNoStream(error)) throw error;
      await ensureStreams(this.link.connection);
      await this.streams.publish(subject, payload, options);
    }
  }

  private async ask(subject: string, payload: Uint8Array, timeout: number): Promise<Msg> {
    try {
      const parent = traceparent();
      const carried = parent === null ? null : headers();
      carried?.set(traceHeader, parent!);
      return await this.link.connection.request(subject, payload, {
        timeout,
        ...(carried && { headers: carried }),
      });
    } catch (error) {
      throw unavailable(`no answer to ${subject}`, error);
    }
  }
}

/** Nobody listens on the subject, not even a stream. */
function hasNoStream(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof RequestError && cause.isNoResponders();
}

function unavailable(what: string, error: unknown): BusUnavailable {
  if (error instanceof BusUnavailable) return error;
  return new BusUnavailable(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
