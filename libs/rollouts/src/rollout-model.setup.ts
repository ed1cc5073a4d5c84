import { windowAt } from '@muster/configs/maintenance-windows';
import type { Policy } from '@muster/configs/policy';
import type { CohortState } from './cohort.ts';
import {
  acceptAll,
  acceptShown,
  answeredLater,
  countOf,
  stillAccepted,
  sum,
  type Accepted,
  type ShownBreach,
} from './gates.ts';
import { offersToKeep, type Offers } from './offer-pace.ts';
import { toCounts, type Counts, type StandingCount, type WavePart } from './rollout-counts.ts';
import { takers, type RolloutAgentState } from './rollout-agent.ts';
import { decide, isOpen, type Decision, type RolloutState, type RolloutView } from './rollout.ts';

/** What an agent does with an offer, once it answers. */
export type Conduct = 'applies' | 'fails' | 'is silent' | 'cannot say';

export interface ModelAgent {
  readonly wave: number;
  readonly cohort: number;
  readonly conduct: Conduct;
  online: boolean;
  /** Since when it is not online. */
  goneAt: number;
  healthy: boolean;
  readonly wasUnhealthy: boolean;
  /** It has said what it makes of the offer, and nobody may have looked yet. */
  answered: boolean;
  state: RolloutAgentState;
  offeredAt: number | null;
  settled: boolean;
  silent: boolean;
  /** How often the new config was sent to it. */
  sent: number;
  /** How often it went away with the offer, and has to be offered it again. */
  withdrawn: number;
  /** It was given what it had before. */
  back: boolean;
}

/** Called before agents are offered the config. */
export type OnOffer = (agents: readonly ModelAgent[], model: RolloutModel, now: number) => void;

/**
 * For tests: a rollout in memory. `decide` and its counts are the real ones; what the tables and agents do is
 * modelled. A look that does not happen is a process that was killed, since looks are transactions.
 */
export class RolloutModel {
  state: RolloutState = 'running';
  wave = 0;
  waveStartedAt: number | null = null;
  waveSettledAt: number | null = null;
  catchingUp = false;
  halted = false;
  /** A person has gone on after a breach. */
  overruled = false;
  /** Waves in the order in which they began. */
  readonly begun: number[] = [];
  readonly cohorts: { cohort: number; state: CohortState }[];
  readonly policy: Policy;
  readonly agents: readonly ModelAgent[];
  readonly waveCount: number;
  #accepted: readonly Accepted[] = [];
  #breaches: ShownBreach[] = [];
  #offers: Offers[] = [];
  readonly #onOffer: OnOffer;

  constructor(policy: Policy, agents: readonly ModelAgent[], onOffer: OnOffer) {
    this.policy = policy;
    this.agents = agents;
    this.waveCount = agents.length === 0 ? 0 : Math.max(...agents.map(({ wave }) => wave)) + 1;
    this.cohorts = [...new Set(agents.map(({ cohort }) => cohort))].map((cohort) => ({
      cohort,
      state: 'running',
    }));
    this.#onOffer = onOffer;
  }

  /** Answers when to look again; null: not before something happens. */
  look(now: number): number | null {
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error('a look that does not end');
      if (!isOpen(this)) return null;
      this.#settle(now);
      const counts = this.#counts(now);
      this.#accepted = stillAccepted(this.#accepted, counts.reached);
      this.#breaches = this.#breaches.filter((breach) => {
        const { count, allowed } = countOf(this.policy, breach, counts.reached);
        return count > allowed || !answeredLater.includes(breach.gate);
      });
      const decision = decide(this.#view(counts), now);
      if (decision.kind === 'wait') return decision.until;
      this.#act(decision, counts, now);
    }
  }

  /** A person stops it. */
  pause(): void {
    if (this.catchingUp) this.halted = true;
    else if (this.state === 'running') this.state = 'paused';
  }

  /** A person goes on with it. */
  resume(now: number): void {
    if (!this.halted && this.state !== 'paused') return;
    const allStopped = this.cohorts.every(({ state }) => state === 'stopped');
    const takesOver = allStopped || this.policy.breachScope === 'rollout';
    const shown = takesOver ? this.#breaches : [];
    this.#accepted = acceptShown(this.policy, this.#counts(now).reached, this.#accepted, shown);
    if (takesOver) this.#breaches = [];
    if (shown.length > 0) this.overruled = true;
    if (this.halted) this.halted = false;
    else this.state = 'running';
    if (!allStopped) return;
    for (const cohort of this.cohorts) cohort.state = 'running';
    for (const agent of this.agents) if (agent.state === 'stopped') agent.state = 'deferred';
  }

  #view(counts: Counts): RolloutView {
    const { state, policy, wave, waveCount, waveStartedAt, waveSettledAt, cohorts } = this;
    const { catchingUp, halted } = this;
    return {
      state,
      policy,
      wave,
      waveCount,
      waveStartedAt,
      waveSettledAt,
      cohorts,
      catchingUp,
      halted,
      ...counts,
      startAt: null,
      accepted: this.#accepted,
      offers: this.#offers,
    };
  }

  get #goesOn(): boolean {
    return this.state === 'running' || (this.catchingUp && !this.halted);
  }

  #settle(now: number): void {
    const deadline = now - this.policy.applyDeadlineSeconds * 1000;
    const offersStand = this.#goesOn && windowAt(this.policy.windows, now).open;
    for (const agent of this.agents) {
      if (agent.state === 'rolledBack' && !agent.settled)
        agent.settled = (agent.answered && agent.online) || agent.offeredAt! <= deadline;
      if (this.state === 'rollingBack' && this.#isTouched(agent)) this.#takeBack(agent, now);
      if (this.state !== 'rollingBack') this.#judge(agent, offersStand, deadline);
    }
    if (!this.#goesOn) return;
    for (const agent of this.agents) {
      if (!this.#isReached(agent) || agent.offeredAt !== null) continue;
      if (agent.state !== 'waiting' && agent.state !== 'deferred') continue;
      if (this.#hasStopped(agent)) agent.state = 'stopped';
      else if (!agent.online) agent.state = 'deferred';
    }
  }

  #judge(agent: ModelAgent, offersStand: boolean, deadline: number): void {
    const wasGivenUp = agent.state === 'failed' && agent.silent;
    if (wasGivenUp && agent.answered)
      Object.assign(agent, { silent: false, back: agent.conduct === 'fails' });
    else if ((agent.state !== 'offered' && agent.state !== 'deferred') || agent.offeredAt === null) return;
    if (agent.answered) agent.state = agent.conduct === 'fails' ? 'failed' : 'applied';
    else if (agent.state === 'deferred') return;
    else if (!agent.online && (!offersStand || agent.offeredAt! <= deadline)) {
      agent.state = 'deferred';
      agent.withdrawn++;
    } else if (agent.offeredAt! <= deadline && agent.conduct === 'cannot say') {
      agent.state = 'unconfirmed';
    } else if (agent.offeredAt! <= deadline) {
      agent.state = 'failed';
      agent.silent = true;
    }
    if (agent.state === 'failed') agent.back = true;
  }

  #counts(now: number): Counts {
    const seen = this.agents.filter(
      (agent) =>
        this.#isReached(agent) &&
        (this.#isUnderWay(agent) || (agent.state !== 'waiting' && agent.state !== 'applied')),
    );
    const reached = this.agents.filter((agent) => this.#isReached(agent));
    const deferred = this.agents.filter((agent) => agent.state === 'deferred' && !this.#hasStopped(agent));
    return toCounts(
      this.#view(noCounts),
      seen.map((agent) => toRow(agent, this.policy, now)),
      partsOf(reached),
      {
        returned: deferred.filter((agent) => agent.online && this.#isReached(agent)).length,
        away: deferred.length,
      },
    );
  }

  #act(decision: Exclude<Decision, { kind: 'wait' }>, counts: Counts, now: number): void {
    switch (decision.kind) {
      case 'startWave':
        this.waveStartedAt = now;
        this.waveSettledAt = null;
        this.begun.push(this.wave);
        return;
      case 'offer':
        if (sum(counts.reached, takers) === 0) this.waveSettledAt = null;
        return this.#offer(decision.limit, now);
      case 'soak':
        this.waveSettledAt = now;
        return;
      case 'passWave':
        this.wave++;
        this.waveStartedAt = null;
        this.waveSettledAt = null;
        return;
      case 'complete':
        this.state = 'completed';
        this.#accepted = acceptAll(counts.reached);
        this.catchingUp = this.agents.some(({ state }) => state === 'deferred');
        return;
      case 'pause':
        this.#breaches.push(decision.breach);
        this.state = 'paused';
        return;
      case 'pauseUnproven':
        this.state = 'paused';
        return;
      case 'rollback':
        this.state = 'rollingBack';
        return;
      case 'stopCohort': {
        this.#breaches.push(decision.breach);
        const state = this.policy.onBreach === 'pause' || this.catchingUp ? 'stopped' : 'rolledBack';
        this.cohorts.find(({ cohort }) => cohort === decision.cohort)!.state = state;
        if (state === 'stopped') return;
        for (const agent of this.agents)
          if (agent.cohort === decision.cohort && this.#isTouched(agent)) this.#takeBack(agent, now);
        return;
      }
      case 'stopForAllCohorts':
        if (this.catchingUp) this.halted = true;
        else this.state = this.policy.onBreach === 'pause' ? 'paused' : 'rollingBack';
        return;
      case 'finishRollback':
        this.state = 'rolledBack';
        return;
      case 'haltCatchingUp':
        this.#breaches.push(decision.breach);
        this.halted = true;
        return;
      case 'caughtUp':
        this.catchingUp = false;
        return;
      case 'begin':
        throw new Error('it was never scheduled');
    }
  }

  #offer(limit: number, now: number): void {
    const due = this.agents
      .filter((agent) => this.#isReached(agent) && !this.#hasStopped(agent))
      .filter((agent) => agent.state === 'waiting' || (agent.state === 'deferred' && agent.online))
      .toSorted((a, b) => a.wave - b.wave)
      .slice(0, limit);
    this.#onOffer(due, this, now);
    this.#offers = offersToKeep([...this.#offers, { at: now, count: due.length }], now);
    for (const agent of due) {
      agent.sent++;
      agent.state = 'offered';
      agent.offeredAt = now;
    }
  }

  #takeBack(agent: ModelAgent, now: number): void {
    Object.assign(agent, { state: 'rolledBack', offeredAt: now, back: true, answered: false });
  }

  #isTouched({ state, offeredAt }: ModelAgent): boolean {
    return offeredAt !== null && ['offered', 'applied', 'failed', 'deferred', 'unconfirmed'].includes(state);
  }

  #isReached({ wave }: ModelAgent): boolean {
    return wave <= this.wave;
  }

  #isUnderWay({ wave }: ModelAgent): boolean {
    return this.state !== 'completed' && wave === this.wave;
  }

  #hasStopped(agent: ModelAgent): boolean {
    return this.cohorts.some(({ cohort, state }) => cohort === agent.cohort && state !== 'running');
  }
}

const noCounts: Counts = {
  reached: [],
  due: 0,
  away: 0,
  reverting: 0,
  lastReverted: null,
  expectedSince: null,
  nextDeadline: null,
  passing: [],
};

function toRow(agent: ModelAgent, policy: Policy, now: number): StandingCount {
  const { wave, cohort, state, silent, settled, online, offeredAt, goneAt, healthy, wasUnhealthy } = agent;
  const expectedUntil = (since: number) => since + policy.applyDeadlineSeconds * 1000;
  const away = !online && offeredAt !== null && ['deferred', 'applied', 'unconfirmed'].includes(state);
  const goneSince = away ? (state === 'deferred' ? offeredAt : goneAt) : null;
  const isExpected = goneSince !== null && expectedUntil(goneSince) > now;
  const reverting = state === 'rolledBack' && !settled;
  return {
    wave,
    cohort,
    state,
    agents: 1,
    unhealthy: (state === 'applied' || state === 'unconfirmed') && !healthy && !wasUnhealthy ? 1 : 0,
    disconnected: goneSince !== null && !isExpected ? 1 : 0,
    expectedSince: isExpected ? new Date(goneSince) : null,
    notConverged: state === 'failed' && silent ? 1 : 0,
    reverting: reverting ? 1 : 0,
    oldestOpen: state === 'offered' || reverting ? new Date(offeredAt!) : null,
    lastReverted: reverting ? new Date(offeredAt!) : null,
  };
}

function partsOf(agents: readonly ModelAgent[]): WavePart[] {
  return [...Map.groupBy(agents, ({ wave, cohort }) => `${wave} ${cohort}`).values()].map((part) => ({
    wave: part[0]!.wave,
    cohort: part[0]!.cohort,
    size: part.length,
    unhealthy: 0,
    disconnected: 0,
  }));
}
