import type { AgentId } from '@muster/agents/agent-id';
import type { Tx } from '@muster/db/transaction';
import { kindKey, type CohortKind } from './cohort-kind.ts';
import type { ConvergenceStore, KindStanding, Stable, StrayOfKind } from './convergence-store.postgres.ts';

/** A kind that is not given the version any more. */
export interface FailingKind {
  readonly kind: CohortKind;
  /** For people. */
  readonly reason: string;
}

/** So many failures stop a kind, unless as many of it have the version. */
const failuresAtMost = 3;
/** Where so many have it the pace alone holds the others back. */
const provenBy = 20;

/** How many more of the kind may be given the version now: as many may be unanswered as have it, and one. */
export function roomFor({ confirmed, unanswered }: KindStanding): number {
  return confirmed >= provenBy ? Infinity : Math.max(0, confirmed + 1 - unanswered);
}

/** Why the kind is not to be given the version any more; null: it may. */
export function failureOf({ confirmed, failed, error }: KindStanding): string | null {
  if (failed < failuresAtMost || failed <= confirmed) return null;
  const why = error === '' ? 'they did not answer' : error;
  return `${failed} agents that were brought to their fleet’s version failed it, ${confirmed} have it: ${why}`;
}

const measureAfterMs = 1_000;
/** While all that wait are of proven kinds. */
const provenForMs = 30_000;
/** Counting takes a tenth of the time at most. */
const restAfterMeasure = 9;

interface Measured {
  readonly version: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly tookMs: number;
  /** By kind; what is given meanwhile is taken off. */
  readonly rooms: Map<string, number>;
}

/**
 * Lets agents through to the stable version of their fleet: of a kind (type, version, os, arch) of which
 * nobody has it one, then more as they confirm, and none when they fail it.
 */
export class ConvergenceGates {
  readonly #store: Pick<ConvergenceStore, 'standings'>;
  readonly #now: () => number;
  readonly #measured = new Map<string, Measured>();

  constructor(store: Pick<ConvergenceStore, 'standings'>, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * Who may be given the stable version now, and who waits for the answers of others; strays of `failing`
   * kinds are in neither.
   */
  async judge(
    tx: Tx,
    fleet: string,
    stable: Stable,
    strays: readonly StrayOfKind[],
  ): Promise<{ admitted: AgentId[]; heldBack: AgentId[]; failing: FailingKind[] }> {
    const failing: FailingKind[] = [];
    if (this.#mustMeasure(fleet, stable, strays)) failing.push(...(await this.#measure(tx, fleet, stable)));
    const stopped = new Set(failing.map(({ kind }) => kindKey(kind)));
    const { rooms } = this.#measured.get(fleet)!;
    const admitted: AgentId[] = [];
    const heldBack: AgentId[] = [];
    for (const { agent, kind } of strays) {
      const key = kindKey(kind);
      const room = rooms.get(key) ?? 1;
      rooms.set(key, Math.max(0, room - 1));
      if (stopped.has(key)) continue;
      if (room > 0) admitted.push(agent);
      else heldBack.push(agent);
    }
    return { admitted, heldBack, failing };
  }

  /** Does the kind fail its fleet's stable version as its agents stand now? */
  async fails(tx: Tx, fleet: string, stable: Stable, kind: CohortKind): Promise<boolean> {
    const standings = await this.#store.standings(tx, fleet, stable, new Date(this.#now()));
    const standing = standings.find((one) => kindKey(one.kind) === kindKey(kind));
    return standing !== undefined && failureOf(standing) !== null;
  }

  #mustMeasure(fleet: string, stable: Stable, strays: readonly StrayOfKind[]): boolean {
    const measured = this.#measured.get(fleet);
    if (measured === undefined || measured.version !== versionOf(stable)) return true;
    const isProven = strays.every(({ kind }) => measured.rooms.get(kindKey(kind)) === Infinity);
    const pause = Math.max(isProven ? provenForMs : measureAfterMs, measured.tookMs * restAfterMeasure);
    return this.#now() - measured.at >= pause;
  }

  async #measure(tx: Tx, fleet: string, stable: Stable): Promise<FailingKind[]> {
    const began = this.#now();
    const standings = await this.#store.standings(tx, fleet, stable, new Date(began));
    const at = this.#now();
    const rooms = new Map(standings.map((standing) => [kindKey(standing.kind), roomFor(standing)]));
    this.#measured.set(fleet, { version: versionOf(stable), at, tookMs: at - began, rooms });
    return standings.flatMap((standing) => {
      const reason = failureOf(standing);
      return reason === null ? [] : [{ kind: standing.kind, reason }];
    });
  }
}

function versionOf({ configuration, version }: Stable): string {
  return `${configuration}/${version}`;
}
