import { silentBusLog, type BusLog } from './bus-log.ts';
import { defaultPatienceMs } from './batch-isolation.ts';
import { MemoryConsumerGroup, type Parcel } from './consumer-group.memory.ts';
import { MemoryDeadLetters } from './dead-letters.memory.ts';
import { BusUnavailable, NotReplayable, RequestFailed } from './errors.ts';
import type { EventBus, ReportBacklog, Subscription } from './event-bus.ts';
import { agentOfFact } from './fact-parts.ts';
import { describeFailure } from './failures.ts';
import { heard } from './listener.ts';
import { decodeMessage, encodeMessage, type Told } from './message-codec.ts';
import type { Broadcasts, Facts, Requests } from './vocabulary.ts';

export interface MemoryEventBusOptions {
  log?: BusLog;
  /** Pause before a rejecting consumer gets its facts again. Default 500. */
  retryPauseMs?: number;
  /** How long a consumer may take for a batch, milliseconds. Default 60,000. */
  patienceMs?: number;
  /** Facts of one subject kept for consumers to come, and most facts a group may lag behind. Default 10,000. */
  maxBacklog?: number;
}

/**
 * The bus of the all-in-one process. Facts and dead letters live as long as the process does; what depends
 * on them looks at the tables when it starts.
 *
 * - `reports` resolves when every group has handled them, so that gateways run no faster than inventory.
 *   All other facts resolve when they are queued: they only say when to look, and waiting for the handlers
 *   would lock up a handler that publishes to a group that waits for it.
 * - Facts published before the first group joined are kept for every group that comes. The latest
 *   `maxBacklog` are kept, as JetStream's limits would.
 * - A group that lags `maxBacklog` facts behind makes `publish` reject with `BusUnavailable`; where it has been
 *   stuck for longer than a handler may take, and the fact only says when to look, its oldest goes instead.
 */
export function createMemoryEventBus(options: MemoryEventBusOptions = {}): EventBus {
  return new MemoryEventBus(
    options.log ?? silentBusLog,
    options.retryPauseMs ?? 500,
    options.patienceMs ?? defaultPatienceMs,
    options.maxBacklog ?? 10_000,
  );
}

const paced = new Set<string>(['reports'] satisfies (keyof Facts)[]);

interface Topic {
  groups: Map<string, MemoryConsumerGroup<keyof Facts>>;
  /** What was published before there was a group. */
  early: Parcel<AnyFact>[];
}

type AnyFact = Facts[keyof Facts];
type Listener = (message: unknown) => unknown;
type Responder = (question: unknown) => Promise<unknown>;

class MemoryEventBus implements EventBus {
  private readonly topics = new Map<string, Topic>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly responders = new Map<string, Responder[]>();
  private readonly answering = new Set<Promise<unknown>>();
  private closed = false;

  readonly deadLetters: MemoryDeadLetters;
  private readonly log: BusLog;
  private readonly retryPauseMs: number;
  private readonly patienceMs: number;
  private readonly maxBacklog: number;

  constructor(log: BusLog, retryPauseMs: number, patienceMs: number, maxBacklog: number) {
    this.deadLetters = new MemoryDeadLetters(log);
    this.log = log;
    this.retryPauseMs = retryPauseMs;
    this.patienceMs = patienceMs;
    this.maxBacklog = maxBacklog;
  }

  get available(): boolean {
    return !this.closed;
  }

  async check(): Promise<string | null> {
    return this.available ? null : 'the bus is closed';
  }

  async publish<S extends keyof Facts>(subject: S, fact: Facts[S]): Promise<void> {
    this.assertOpen();
    const topic = this.topic(subject);
    const groups = [...topic.groups.values()];
    for (const group of groups) {
      if (group.backlog < this.maxBacklog) continue;
      // One group that takes nothing keeps neither the others nor their publishers waiting.
      if (paced.has(subject) || !group.isStuck) {
        throw new BusUnavailable(`consumers of ${subject} lag too far behind`);
      }
      group.dropOldest();
    }
    this.tell(subject, fact);
    const handled =
      groups.length > 0 ? groups.map((group) => enqueue(group, fact)) : [this.keep(topic, fact)];
    if (paced.has(subject)) await Promise.all(handled);
    else for (const promise of handled) promise.catch(() => {});
  }

  async consume<S extends keyof Facts>(
    subject: S,
    group: string,
    handle: (facts: Facts[S][]) => Promise<void>,
    options: { maxBatch?: number } = {},
  ): Promise<Subscription> {
    this.assertOpen();
    return this.group(subject, group).join(
      handle as (facts: AnyFact[]) => Promise<void>,
      options.maxBatch ?? 100,
    );
  }

  broadcast<S extends keyof Broadcasts>(subject: S, message: Broadcasts[S]): void {
    if (!this.closed) this.tell(subject, message);
  }

  async listen<S extends keyof (Broadcasts & Facts)>(
    subject: S,
    handle: (message: (Broadcasts & Facts)[S]) => void,
  ): Promise<Subscription> {
    this.assertOpen();
    const listeners = this.listeners.get(subject) ?? new Set<Listener>();
    this.listeners.set(subject, listeners);
    const listener: Listener = (message) => handle(message as (Broadcasts & Facts)[S]);
    listeners.add(listener);
    return {
      stop: async () => {
        listeners.delete(listener);
      },
    };
  }

  async request<S extends keyof Requests>(
    subject: S,
    question: Requests[S]['question'],
    options: { timeoutMs?: number } = {},
  ): Promise<Requests[S]['answer']> {
    this.assertOpen();
    const responders = this.responders.get(subject) ?? [];
    const responder = responders.shift();
    if (!responder) throw new BusUnavailable(`nobody answers ${subject}`);
    responders.push(responder);
    const answer = inTime(Promise.resolve(question).then(responder), subject, options.timeoutMs ?? 5_000);
    this.answering.add(answer);
    try {
      return (await answer) as Requests[S]['answer'];
    } finally {
      this.answering.delete(answer);
    }
  }

  async respond<S extends keyof Requests>(
    subject: S,
    answer: (question: Requests[S]['question']) => Promise<Requests[S]['answer']>,
  ): Promise<Subscription> {
    this.assertOpen();
    const responders = this.responders.get(subject) ?? [];
    this.responders.set(subject, responders);
    const responder: Responder = (question) => answer(question as Requests[S]['question']);
    responders.push(responder);
    return {
      stop: async () => {
        const at = responders.indexOf(responder);
        if (at >= 0) responders.splice(at, 1);
      },
    };
  }

  async replay(letter: { subject: string; group: string }, payload: Uint8Array): Promise<void> {
    this.assertOpen();
    const group = this.topics.get(letter.subject)?.groups.get(letter.group);
    if (!group) throw new NotReplayable(`no group ${letter.group} takes ${letter.subject} here`);
    const fact = decodeMessage(letter.subject as keyof Told, payload) as AnyFact;
    enqueue(group, fact).catch(() => {});
  }

  async reportBacklog(): Promise<ReportBacklog> {
    this.assertOpen();
    const { groups, early } = this.topic('reports');
    const all = [...groups.values()];
    // What came early stays for groups to come; it waits for nobody once there is one.
    const since = all.length > 0 ? all.map(({ oldestAt }) => oldestAt) : [early[0]?.at ?? null];
    const oldest = since.filter((at) => at !== null);
    return {
      oldestAt: oldest.length > 0 ? Math.min(...oldest) : null,
      taken: all.reduce((sum, { taken }) => sum + taken, 0),
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const reason = new BusUnavailable('the bus is closed');
    for (const topic of this.topics.values()) {
      await Promise.all([...topic.groups.values()].map((group) => group.close(reason)));
      for (const parcel of topic.early.splice(0)) parcel.settle(reason);
    }
    await Promise.allSettled(this.answering);
    this.listeners.clear();
    this.responders.clear();
  }

  private assertOpen(): void {
    if (this.closed) throw new BusUnavailable('the bus is closed');
  }

  private topic(subject: string): Topic {
    const topic = this.topics.get(subject) ?? { groups: new Map(), early: [] };
    this.topics.set(subject, topic);
    return topic;
  }

  private group(subject: keyof Facts, name: string): MemoryConsumerGroup<keyof Facts> {
    const topic = this.topic(subject);
    const known = topic.groups.get(name);
    if (known) return known;
    const { log, retryPauseMs, patienceMs } = this;
    const group = new MemoryConsumerGroup<keyof Facts>({
      subject,
      group: name,
      retryPauseMs,
      patienceMs,
      log,
      setAside: async (fact, failure) => {
        const payload = bytesOf(subject, fact);
        await this.deadLetters.add({
          subject,
          group: name,
          agent: agentOfFact(subject, fact),
          payload,
          ...failure,
        });
      },
    });
    topic.groups.set(name, group);
    for (const parcel of topic.early) group.add(parcel);
    return group;
  }

  /** Resolves when the first group that comes has handled the fact. */
  private keep(topic: Topic, fact: AnyFact): Promise<void> {
    return new Promise((resolve, reject) => {
      topic.early.push({
        fact,
        at: Date.now(),
        settle: (failure) => (failure ? reject(failure) : resolve()),
      });
      if (topic.early.length <= this.maxBacklog) return;
      topic.early.shift()?.settle(new BusUnavailable('nobody consumes these facts'));
    });
  }

  /** Listeners hear it later and apart from each other: neither the teller nor other listeners see a failure. */
  private tell(subject: string, message: unknown): void {
    for (const listener of this.listeners.get(subject) ?? []) {
      setImmediate(() => {
        heard(
          () => listener(message),
          (error) => this.log.error({ error: describeFailure(error), subject }, 'a listener failed'),
        );
      });
    }
  }
}

/** Nothing of a fact that does not even fit its subject. */
function bytesOf(subject: keyof Facts, fact: AnyFact): Uint8Array {
  try {
    return encodeMessage<keyof Told>(subject, fact);
  } catch {
    return new Uint8Array();
  }
}

function enqueue(group: MemoryConsumerGroup<keyof Facts>, fact: AnyFact): Promise<void> {
  return new Promise((resolve, reject) => {
    group.add({ fact, at: Date.now(), settle: (failure) => (failure ? reject(failure) : resolve()) });
  });
}

async function inTime(answer: Promise<unknown>, subject: string, timeoutMs: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new BusUnavailable(`no answer to ${subject} in ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  const told = answer.catch((error: unknown) => {
    throw new RequestFailed(error instanceof Error ? error.message : String(error), { cause: error });
  });
  try {
    return await Promise.race([told, late]);
  } finally {
    clearTimeout(timer);
  }
}
