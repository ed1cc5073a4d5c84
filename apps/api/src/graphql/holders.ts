import { setImmediate } from 'node:timers/promises';
import type { AccessService } from '@muster/access/access-service';
import type { Log } from '@muster/platform/log';
import type { Admitted } from '../http/authentication.ts';

/** Sockets that one credential may hold open in this process. */
const mostSockets = 100;
/** Operations of one credential that may be under way in this process, over all its sockets. */
const mostOperations = 500;
/** A verdict that is so old is asked for anew before an event is delivered; milliseconds. */
const freshMs = 1_000;

/** A credential that holds sockets. */
interface Holder {
  /** How to close each. */
  ends: Set<() => void>;
  operations: number;
  /** When the credential was found to hold, milliseconds. */
  judgedAt: number;
  /** A judgement that is about to begin, for all who ask meanwhile. */
  next: Promise<boolean> | null;
}

/** One socket's part in what its credential may do. */
export interface Held {
  readonly admitted: Admitted;
  /** Begins an operation; false: there are too many. */
  begin(): boolean;
  finish(): void;
  /** Whether the credential holds; ends the socket when it does not. `anew`: no verdict of a moment ago will do. */
  holds(anew: boolean): Promise<boolean>;
  leave(): void;
}

/** Those who hold sockets open, by their credential: what it lets them do ends with it. */
export class Holders {
  readonly #access: AccessService;
  readonly #log: Log;
  readonly #holders = new Map<string, Holder>();
  readonly #timer: NodeJS.Timeout;

  /** Judges all of them anew every `recheckMs`, whatever the bus has told. */
  constructor(access: AccessService, log: Log, recheckMs: number) {
    this.#access = access;
    this.#log = log;
    this.#timer = setInterval(() => void this.recheck(), recheckMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A socket that a credential has just let in; `end` closes it. Null: it holds too many. */
  enter(admitted: Admitted, end: () => void): Held | null {
    const { secretHash } = admitted;
    const holder = this.#holders.get(secretHash) ?? {
      ends: new Set(),
      operations: 0,
      judgedAt: Date.now(),
      next: null,
    };
    if (holder.ends.size >= mostSockets) return null;
    this.#holders.set(secretHash, holder);
    holder.ends.add(end);
    let own = 0;
    const leave = () => {
      holder.operations -= own;
      own = 0;
      holder.ends.delete(end);
      if (holder.ends.size === 0 && this.#holders.get(secretHash) === holder)
        this.#holders.delete(secretHash);
    };
    return {
      admitted,
      leave,
      begin: () => {
        if (holder.operations >= mostOperations) return false;
        holder.operations += 1;
        own += 1;
        return true;
      },
      finish: () => {
        if (own === 0) return;
        own -= 1;
        holder.operations -= 1;
      },
      holds: async (anew) => {
        if (!holder.ends.has(end)) return false;
        if (!anew && Date.now() - holder.judgedAt < freshMs) return true;
        holder.next ??= setImmediate().then(() => this.#judge(secretHash, holder));
        return holder.next;
      },
    };
  }

  /** Judges every credential anew and ends what those opened that do not hold any more. Never rejects. */
  async recheck(): Promise<void> {
    const holders = [...this.#holders];
    try {
      const holding = await this.#access.holding(holders.map(([secretHash]) => secretHash));
      for (const [secretHash, holder] of holders) this.#settle(holder, holding.has(secretHash));
    } catch (error) {
      // a database that is away says nothing about credentials
      this.#log.warn({ err: error }, 'the credentials of open WebSockets could not be judged');
    }
  }

  async #judge(secretHash: string, holder: Holder): Promise<boolean> {
    holder.next = null;
    const holds = (await this.#access.holding([secretHash])).has(secretHash);
    this.#settle(holder, holds);
    return holds;
  }

  #settle(holder: Holder, holds: boolean): void {
    if (holds) holder.judgedAt = Date.now();
    else for (const end of holder.ends) end();
  }
}
