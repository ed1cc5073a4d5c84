import type { DeadLetters } from './dead-letters.ts';
import type { Broadcasts, Facts, Requests } from './vocabulary.ts';

/** Ends a subscription; resolves when no handler of it runs any more. */
export interface Subscription {
  stop(): Promise<void>;
}

/** How far the one group of `reports` is behind. */
export interface ReportBacklog {
  /** When the oldest frame that was not taken yet was published, Unix milliseconds; null: all were taken. */
  oldestAt: number | null;
  /** Frames taken so far, ever growing while the consumer gets on; counted from any point. */
  taken: number;
}

/**
 * The bus all processes share. Adapters: `event-bus.nats.ts` (JetStream for facts, core NATS for the
 * rest) and `event-bus.memory.ts` (one process). Payloads are typed by the subject (`vocabulary.ts`);
 * an adapter checks what it receives and drops, with a log line, what does not fit.
 */
export interface EventBus {
  /**
   * Publishes a fact, at least once. Resolves when the publisher's death can no longer lose it: stored
   * in JetStream, or, in process, handled by every group. Rejects with `BusUnavailable` when the bus
   * cannot take it now; the caller keeps the fact and tries again.
   */
  publish<S extends keyof Facts>(subject: S, fact: Facts[S]): Promise<void>;

  /**
   * Handles a fact's messages in order, in batches of at most `maxBatch`, one batch at a time. Each
   * `group` gets every message once or more; members of one group share the messages. The batch is
   * acknowledged when `handle` resolves.
   *
   * When it rejects because something is away, the same messages come again after a pause, as often as it
   * takes. When it rejects otherwise, or does not end within a minute, the batch is divided down to the one
   * message, report or agent; what fails alone and three times in all is set aside in `deadLetters`, and
   * everything else is handled in its order.
   */
  consume<S extends keyof Facts>(
    subject: S,
    group: string,
    handle: (facts: Facts[S][]) => Promise<void>,
    options?: { maxBatch?: number },
  ): Promise<Subscription>;

  /** Tells whoever listens now, at most once, no waiting. For live views and caches. */
  broadcast<S extends keyof Broadcasts>(subject: S, message: Broadcasts[S]): void;

  /** Hears every broadcast and every fact of the subject from now on; misses what came before. */
  listen<S extends keyof (Broadcasts & Facts)>(
    subject: S,
    handle: (message: (Broadcasts & Facts)[S]) => void,
  ): Promise<Subscription>;

  /** Asks the one responder that takes it. Rejects with `BusUnavailable` after `timeoutMs` (default 5,000). */
  request<S extends keyof Requests>(
    subject: S,
    question: Requests[S]['question'],
    options?: { timeoutMs?: number },
  ): Promise<Requests[S]['answer']>;

  /** Answers requests; several responders share them. A rejection reaches the asker as `RequestFailed`. */
  respond<S extends keyof Requests>(
    subject: S,
    answer: (question: Requests[S]['question']) => Promise<Requests[S]['answer']>,
  ): Promise<Subscription>;

  /** What no handler took, of all groups. */
  readonly deadLetters: DeadLetters;

  /**
   * Hands what was set aside, as `deadLetters.payloadOf` gives it, to one group of its subject again. Resolves when
   * it is stored, as `publish` does; rejects with `BusUnavailable`, and with `NotReplayable` for what is no fact.
   */
  replay(letter: { subject: string; group: string }, payload: Uint8Array): Promise<void>;

  /** Reports that were published and not taken yet. Rejects with `BusUnavailable`. */
  reportBacklog(): Promise<ReportBacklog>;

  /** True while the bus can take a publish. */
  readonly available: boolean;

  /** Null when facts can be stored now, or why not. Asks the bus: answers within little more than a second. */
  check(): Promise<string | null>;

  /** Lets running handlers end, sends what is pending, then lets go of the bus. */
  close(): Promise<void>;
}
