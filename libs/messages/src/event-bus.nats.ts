import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager, type JetStreamClient } from '@nats-io/jetstream';
import { headers, RequestError, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { traceparent, under } from '@muster/platform/telemetry';
import { defaultPatienceMs } from './batch-isolation.ts';
import type { NatsLink } from './connection.nats.ts';
import { NatsDeadLetters } from './dead-letters.nats.ts';
import { headersFor } from './delivered-message.nats.ts';
import { BusUnavailable, MessageTooLarge, NotReplayable, RequestFailed } from './errors.ts';
import type { EventBus, ReportBacklog, Subscription } from './event-bus.ts';
import { FactConsumer } from './fact-consumer.nats.ts';
import { describeFailure } from './failures.ts';
import { LargeMessages } from './large-messages.nats.ts';
import { heard } from './listener.ts';
import {
  decodeAnswer,
  decodeMessage,
  decodeQuestion,
  encodeJson,
  encodeMessage,
  type Told,
} from './message-codec.ts';
import { payloadOf, reply, unsubscribe } from './replies.nats.ts';
import { ensureStreams, isStreamMissing, raiseReplicas, streamOf, whyNotStored } from './streams.nats.ts';
import { schemas, type Broadcasts, type Facts, type Requests } from './vocabulary.ts';

export interface NatsEventBusOptions {
  /** Pause before a rejecting consumer gets its facts again. Default 1,000. */
  retryPauseMs?: number;
  /** How long a consumer may take for a batch, milliseconds. Default 60,000. */
  patienceMs?: number;
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
  return new NatsEventBus(link, options.retryPauseMs ?? 1_000, options.patienceMs ?? defaultPatienceMs);
}

const patienceMs = 5_000;
/** How long a stream may take to store a message. After an election the message may have been lost with its leader. */
const storedWithinMs = 3_000;
/** Between two looks whether the cluster has servers for more replicas. */
const raiseEveryMs = 30_000;
/** W3C Trace Context, as in HTTP. */
const traceHeader = 'traceparent';

class NatsEventBus implements EventBus {
  private readonly consumers = new Set<Subscription>();
  private readonly answering = new Set<Promise<void>>();
  private readonly streams: JetStreamClient;
  private readonly large: LargeMessages;

  readonly deadLetters: NatsDeadLetters;
  private readonly link: NatsLink;
  private readonly retryPauseMs: number;
  private readonly raising: NodeJS.Timeout;
  private readonly patienceMs: number;

  constructor(link: NatsLink, retryPauseMs: number, patienceMs: number) {
    this.link = link;
    this.retryPauseMs = retryPauseMs;
    this.patienceMs = patienceMs;
    this.streams = jetstream(link.connection);
    this.large = new LargeMessages(link);
    this.raising = setInterval(() => void this.raiseReplicas(), raiseEveryMs);
    void this.raiseReplicas();
    this.deadLetters = new NatsDeadLetters(link, (...message) => this.store(...message));
  }

  get available(): boolean {
    return this.link.available;
  }

  async check(): Promise<string | null> {
    return this.available ? whyNotStored(this.link) : 'NATS is not connected';
  }

  async publish<S extends keyof Facts>(subject: S, fact: Facts[S]): Promise<void> {
    await this.send(subject, encodeMessage<keyof Told>(subject, fact));
  }

  async replay({ subject, group }: { subject: string; group: string }, payload: Uint8Array): Promise<void> {
    const isFact = subject === 'reports' || Object.hasOwn(schemas.facts, subject);
    if (!isFact) throw new NotReplayable(`no group takes ${subject} from the bus`);
    await this.send(subject, payload, headersFor(group));
  }

  async reportBacklog(): Promise<ReportBacklog> {
    if (!this.available) throw new BusUnavailable('not connected to NATS');
    try {
      const manager = await jetstreamManager(this.link.connection, { checkAPI: false });
      // What was taken is no longer in it.
      const { state } = await manager.streams.info(streamOf('reports'));
      return {
        oldestAt: state.messages > 0 ? Date.parse(String(state.first_ts)) : null,
        taken: state.last_seq - state.messages,
      };
    } catch (error) {
      throw unavailable('the backlog of reports is not known', error);
    }
  }

  private async send(subject: string, payload: Uint8Array, headers?: MsgHdrs): Promise<void> {
    if (!this.available) throw new BusUnavailable('not connected to NATS');
    try {
      if (this.large.fits(payload)) return await this.store(subject, payload, headers);
      await this.large.send(subject, payload, (...message) => this.store(...message), headers);
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
      patienceMs: this.patienceMs,
      deadLetters: this.deadLetters,
      publish: (...message) => this.send(...message),
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
        heard(
          () => this.hear(message, subject, handle),
          (failure) =>
            this.link.log.error(
              { error: describeFailure(failure), subject },
              'a message did not fit or its listener failed',
            ),
        );
      },
    });
    await this.link.flush();
    return { stop: () => unsubscribe(subscription) };
  }

  private hear<S extends keyof Told>(message: Msg, subject: S, handle: (told: Told[S]) => void): unknown {
    return message.headers
      ? this.large.payloadOf(message).then((payload) => handle(decodeMessage(subject, payload)))
      : handle(decodeMessage(subject, message.data));
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
