import { agentCapability } from '@muster/opamp/capabilities';
import { configStatus, serverFlag } from '@muster/opamp/opamp';
import { AgentTable, fullState, part } from './agent-table.ts';
import { isPlainAnswer, readAnswer, type Answer } from './answer.ts';
import { Configs } from './configs.ts';
import type { SimulatorOptions } from './options.ts';
import { draw } from './random.ts';
import { Reports } from './reports.ts';
import type { Tally } from './tally.ts';

/** The agents' way to the server. */
export interface Speaker {
  /** Sends the agent's next message as soon as that can be. */
  speak(agent: number): void;
}

/** Questions that `draw` answers for each agent. */
const asked = { fails: 11, isUnhealthy: 12 };

/** The agents of a simulator: what they know, and what they do with what they hear. */
export class Fleet {
  readonly table: AgentTable;
  readonly reports: Reports;
  readonly configs = new Configs();
  readonly #options: SimulatorOptions;
  readonly #tally: Tally;
  #offersMarkedAt = 0;

  constructor(options: SimulatorOptions, tally: Tally) {
    const { agents, firstAgent, seed } = options;
    this.#options = options;
    this.#tally = tally;
    this.table = new AgentTable(agents, firstAgent, seed);
    this.reports = new Reports(this.table, this.configs, options);
    this.table.startedAt.fill(Date.now());
    for (let agent = 0; agent < agents; agent++) {
      if (draw(seed, firstAgent + agent, asked.isUnhealthy) < options.unhealthyShare)
        this.table.healthy[agent] = 0;
    }
  }

  /** Offers from now on are timed from now. */
  markOffers(): void {
    this.#offersMarkedAt = performance.now();
  }

  /** It reports other health than before. */
  changeHealth(agent: number, speaker: Speaker): void {
    this.table.healthy[agent]! ^= 1;
    this.table.changes[agent]! += 1;
    this.#say(agent, part.health, speaker);
  }

  /** It hears a ServerToAgent that begins at `start`. Throws when it cannot be read. */
  hear(agent: number, message: Buffer, start: number, speaker: Speaker): void {
    this.#tally.received += 1;
    this.#noteAnswered(agent);
    if (isPlainAnswer(message, start)) return;
    this.#act(agent, readAnswer(message, start), speaker);
  }

  /** Is it new that the agent is answered on this connection? */
  cameOnline(agent: number): boolean {
    if (this.table.online[agent] === 1) return false;
    this.table.online[agent] = 1;
    this.#tally.online += 1;
    this.#tally.answered += 1;
    return true;
  }

  wentOffline(agent: number): void {
    this.table.sentAt[agent] = 0;
    if (this.table.online[agent] === 0) return;
    this.table.online[agent] = 0;
    this.#tally.online -= 1;
  }

  #noteAnswered(agent: number): void {
    const sentAt = this.table.sentAt[agent]!;
    if (sentAt === 0) return;
    this.table.sentAt[agent] = 0;
    this.#tally.heartbeatsAnswered += 1;
    this.#tally.heartbeatMs.record(performance.now() - sentAt);
  }

  #act(agent: number, answer: Answer, speaker: Speaker): void {
    if (answer.error) this.#tally.error(`error response ${answer.error.type}: ${answer.error.message}`);
    if (answer.newUid?.length === 16) this.#rename(agent, answer.newUid, speaker);
    if (answer.offer) this.#takeOffer(agent, answer.offer, speaker);
    if (answer.flags & serverFlag.reportFullState) {
      this.#tally.fullStateAsked += 1;
      this.#say(agent, fullState, speaker);
    }
    if (answer.flags & serverFlag.reportAvailableComponents) this.#say(agent, part.components, speaker);
    if (answer.restart && this.reports.can(agent, agentCapability.AcceptsRestartCommand)) {
      this.#tally.restarted += 1;
      this.table.startedAt[agent] = Date.now();
      this.#say(agent, part.health, speaker);
    }
  }

  #rename(agent: number, uid: Buffer, speaker: Speaker): void {
    this.#tally.renamed += 1;
    this.table.rename(agent, uid);
    this.#say(agent, part.description, speaker);
  }

  #takeOffer(agent: number, { hash, configMap }: NonNullable<Answer['offer']>, speaker: Speaker): void {
    const { table } = this;
    if (!this.reports.can(agent, agentCapability.AcceptsRemoteConfig)) return;
    const place = this.configs.placeOf(hash, configMap);
    if (table.offered[agent] === place) return;
    table.offered[agent] = place;
    this.#tally.offers += 1;
    if (this.#offersMarkedAt > 0) this.#tally.offerMs.record(performance.now() - this.#offersMarkedAt);
    const { reportsApplying, applyMs } = this.#options;
    if (reportsApplying) {
      table.configStatus[agent] = configStatus.applying;
      this.#say(agent, part.configStatus, speaker);
    }
    if (applyMs === 0) this.#endApplying(agent, place, speaker);
    else setTimeout(() => this.#endApplying(agent, place, speaker), applyMs).unref();
  }

  /** A later offer has taken the place of one that is still being applied. */
  #endApplying(agent: number, place: number, speaker: Speaker): void {
    const { table } = this;
    if (table.offered[agent] !== place) return;
    const { seed, firstAgent, failShare } = this.#options;
    if (draw(seed, firstAgent + agent, asked.fails) < failShare) {
      this.#tally.failed += 1;
      table.configStatus[agent] = configStatus.failed;
      return this.#say(agent, part.configStatus, speaker);
    }
    this.#tally.applied += 1;
    table.configStatus[agent] = configStatus.applied;
    table.applied[agent] = place;
    this.#say(agent, part.configStatus | part.effectiveConfig | part.health, speaker);
  }

  #say(agent: number, parts: number, speaker: Speaker): void {
    this.table.pending[agent]! |= parts;
    speaker.speak(agent);
  }
}
