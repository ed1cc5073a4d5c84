import { jetstream } from '@nats-io/jetstream';
import { createInbox, nanos, type Msg, type Subscription as NatsSubscription } from '@nats-io/transport-node';
import { inTime, type NatsLink } from './connection.nats.ts';

const expiresMs = 5_000;
/** While nothing comes, the server that keeps the consumer says so often that it has the request. */
const idleHeartbeatMs = 1_000;
/** After this silence the request has been lost, with the server that had it. */
const lostMs = 2_500;
/** Status codes of a request that has ended as it should: no messages, expired. */
const ended = [404, 408];
const heartbeat = 100;

/** What a consumer tells the server about a message it was given. */
export const acknowledge = (message: Msg) => message.respond('+ACK');
export const giveBack = (message: Msg) => message.respond('-NAK');
export const stillWorking = (message: Msg) => message.respond('+WPI');

/**
 * Messages of a durable JetStream consumer, asked for in portions. The client library's own `fetch` drops
 * what is on its way when it is closed, which then waits for the ack timeout; `drain` here does not.
 */
export class PullSubscription {
  private readonly inbox = createInbox();
  private readonly nextSubject: string;
  private readonly subscription: NatsSubscription;
  private readonly forgetReconnects: () => void;
  private left = 0;
  private lost: NodeJS.Timeout | undefined;
  private settle: (failure: Error | null) => void = () => {};

  private readonly link: NatsLink;
  private readonly take: (message: Msg) => void;

  constructor(link: NatsLink, stream: string, consumer: string, take: (message: Msg) => void) {
    this.link = link;
    this.take = take;
    const { apiPrefix } = jetstream(link.connection);
    this.nextSubject = `${apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.subscription = link.connection.subscribe(this.inbox, {
      callback: (error, message) => (error ? this.settle(error) : this.receive(message)),
    });
    // The server that knew of the request may be gone.
    this.forgetReconnects = link.onReconnect(() => this.settle(null));
  }

  /**
   * Asks for up to `count` messages. Resolves when they have come, when some have not within 5 s, or when
   * the connection was renewed; rejects when the consumer or its stream is not there, or the server that has it.
   */
  fetch(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.lost = setTimeout(() => this.settle(new Error('JetStream did not answer a pull request')), lostMs);
      this.settle = (failure) => {
        clearTimeout(this.lost);
        if (failure) reject(failure);
        else resolve();
      };
      this.left = count;
      const request = JSON.stringify({
        batch: count,
        expires: nanos(expiresMs),
        idle_heartbeat: nanos(idleHeartbeatMs),
      });
      this.link.connection.publish(this.nextSubject, request, { reply: this.inbox });
    });
  }

  /** Takes what is on its way, then nothing any more. */
  async drain(): Promise<void> {
    this.forgetReconnects();
    if (this.link.available) await inTime(this.subscription.drain());
    else this.subscription.unsubscribe();
    this.settle(null);
  }

  private receive(message: Msg): void {
    this.lost?.refresh();
    // Messages come under the subject they were published on, statuses under the inbox.
    if (message.subject === this.inbox) return this.heed(message);
    this.take(message);
    this.left -= 1;
    if (this.left === 0) this.settle(null);
  }

  private heed(status: Msg): void {
    const code = status.headers?.code ?? 0;
    if (code === heartbeat) return;
    const failure = new Error(
      `JetStream ended a pull request: ${code} ${status.headers?.description ?? ''}`.trim(),
    );
    this.settle(ended.includes(code) ? null : failure);
  }
}
