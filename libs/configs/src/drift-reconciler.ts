import { agentIdsToBytes, type AgentId } from '@muster/agents/agent-id';
import type { Presence } from '@muster/agents/presence';
import type { Tx } from '@muster/db/transaction';
import { describeFailure } from '@muster/messages/failures';
import type { GatewayDelivery } from '@muster/messages/gateway-delivery';
import { configFileText, decodeEffectiveConfig } from '@muster/opamp/effective-config';
import { MalformedMessage } from '@muster/opamp/errors';
import type { Log } from '@muster/platform/log';
import type { Announcer } from './announcer.ts';
import type { Convergence } from './convergence.ts';
import type { DesiredState } from './desired-state.ts';
import { pauseAfter, repairOf, type Repair } from './drift.ts';
import type { Files, Lack } from './drift-comparison.ts';
import type { DriftStore, DueDrift, Pair, RepairNote } from './drift-store.postgres.ts';
import { InvalidTemplate } from './errors.ts';
import { windowAt } from './maintenance-windows.ts';
import type { OfferDelivery } from './offer-delivery.ts';
import { parsePolicy } from './policy.ts';
import { sizeOf, textWork, type TextWork } from './text-work.ts';

const pairsATurn = 500;
/** A restart loses what a collector holds in memory: never many at once. */
const repairsATurn = 50;
/** Until what forbids a repair is looked at again. */
const waitMs = 30_000;
const unreadable = 'not compared: it cannot be read';

export interface DriftReconcilerDeps {
  readonly store: DriftStore;
  readonly announcer: Announcer;
  readonly offers: Pick<OfferDelivery, 'offerAgain'>;
  readonly desiredState: Pick<DesiredState, 'retryTargets'>;
  readonly convergence: Pick<Convergence, 'consider'>;
  readonly presence: Presence;
  readonly delivery: GatewayDelivery;
  readonly transact: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly log: Log;
  readonly now: () => number;
  /** Left out: that of the process. */
  readonly work?: TextWork;
}

/**
 * Finds agents that drifted (ADR 0018) and repairs them where no rollout, quarantine or window forbids it.
 * Each turn starts from the tables, so any number of processes may take turns.
 */
export class DriftReconciler {
  readonly #deps: DriftReconcilerDeps;

  constructor(deps: DriftReconcilerDeps) {
    this.#deps = deps;
  }

  async turn(): Promise<void> {
    const { store, announcer, now } = this.#deps;
    for (const pair of await store.pairs(pairsATurn)) {
      await this.#compare(pair);
      await announcer.announceAgents(await store.toldBy(pair), 'configStatus');
    }
    await store.refresh(new Date(now()));
    await this.#repair(new Date(now()));
  }

  async #compare(pair: Pair): Promise<void> {
    const { lack, notCompared } = await this.#lackIn(pair);
    await this.#deps.store.noteComparison(pair, lack, notCompared);
  }

  /**
   * What takes too much to compare, or cannot be read, is noted as that and not tried again: what one agent reported
   * keeps the others from nothing.
   */
  async #lackIn({ files, reported }: Pair): Promise<{ lack: Lack | null; notCompared?: string }> {
    const { work = textWork, log } = this.#deps;
    try {
      const readable = filesOf(reported);
      if (readable === null) return { lack: null, notCompared: unreadable };
      const size = sizeOf(files) + sizeOf(readable);
      const lack = await work.run('compare', { rendered: files, reported: readable }, size, 'compared');
      if (lack === null) return { lack, notCompared: unreadable };
      return { lack: { ...lack, digest: lack.digest && Buffer.from(lack.digest) } };
    } catch (error) {
      if (error instanceof InvalidTemplate)
        return { lack: null, notCompared: `not compared: ${error.reason}` };
      log.warn({ error: describeFailure(error) }, 'an effective configuration cannot be compared');
      return { lack: null, notCompared: unreadable };
    }
  }

  /** Tries are noted before they are made: a process that dies here has tried. */
  async #repair(now: Date): Promise<void> {
    const { store, desiredState, transact } = this.#deps;
    const { agentsTo, retried } = await transact(async (tx) => {
      const due = await store.due(tx, now, repairsATurn);
      const repairs = due.map((drift) => ({
        drift,
        repair: repairOf({
          ...drift,
          windowOpen: windowAt(parsePolicy(drift.policy ?? {}).windows, now.getTime()).open,
        }),
      }));
      await store.note(
        tx,
        repairs.map(({ drift, repair }) => noteOf(drift, repair, now)),
      );
      const agentsTo = (what: Repair['do']): AgentId[] =>
        repairs.filter(({ repair }) => repair.do === what).map(({ drift }) => drift.agent);
      const silent = repairs.filter(
        ({ drift, repair }) => drift.kind === 'unconfirmed' && repair.do === 'offer',
      );
      const retried = await desiredState.retryTargets(
        tx,
        silent.map(({ drift }) => drift.agent),
      );
      return { agentsTo, retried };
    });
    await this.#deps.offers.offerAgain(agentsTo('offer').filter((agent) => !retried.includes(agent)));
    await this.#deps.convergence.consider(agentsTo('converge'));
    await this.#restart(agentsTo('restart'));
  }

  async #restart(agents: readonly AgentId[]): Promise<void> {
    if (agents.length === 0) return;
    const { presence, delivery, log } = this.#deps;
    const holders = await presence.locate(agents);
    for (const [gateway, held] of Map.groupBy(holders.keys(), (agent) => holders.get(agent)!)) {
      const order = { kind: 'restart' as const, instanceUids: agentIdsToBytes(held) };
      await delivery.deliver(gateway, order).catch((error: unknown) => {
        log.warn({ err: error, gateway }, 'agents that drifted could not be restarted; it is tried again');
      });
    }
  }
}

function noteOf({ agent, tries }: DueDrift, repair: Repair, now: Date): RepairNote {
  const after = (ms: number) => new Date(now.getTime() + ms);
  switch (repair.do) {
    case 'wait':
      return { agent, tries, repair: 'forbidden', reason: repair.reason, nextAt: after(waitMs) };
    case 'giveUp':
      return { agent, tries, repair: 'notRepaired', reason: repair.reason, nextAt: now };
    default:
      return { agent, tries: tries + 1, repair: 'pending', reason: '', nextAt: after(pauseAfter(tries)) };
  }
}

/** Null: not readable as text. */
function filesOf(effectiveConfig: Uint8Array): Files | null {
  try {
    const files = decodeEffectiveConfig(effectiveConfig).map(
      ({ name, body }) => [name, configFileText(body)] as const,
    );
    return files.some(([, text]) => text === null) ? null : (Object.fromEntries(files) as Files);
  } catch (error) {
    if (error instanceof MalformedMessage) return null;
    throw error;
  }
}
