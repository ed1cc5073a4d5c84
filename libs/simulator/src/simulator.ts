import { configStatusName } from '@muster/opamp/config-status';
import { AgentConfigMap } from '@muster/opamp/opamp';
import { DialGate } from './dial-gate.ts';
import { Fleet } from './fleet.ts';
import { Heartbeats } from './heartbeats.ts';
import { HttpConnections, HttpLine } from './http-line.ts';
import type { Line } from './line.ts';
import { simulatorDefaults, type GivenOptions, type SimulatorOptions } from './options.ts';
import { draw, seededRandom, type Random } from './random.ts';
import { unhealthyReason, uuidText } from './reports.ts';
import type { SimulatedAgent, SimulatedFleet } from './simulated-fleet.ts';
import { statsOf, Tally, type RawTally, type SimulatorStats } from './tally.ts';
import { resolveTargets, type Targets } from './targets.ts';
import { WebSocketLine, type LineParts } from './websocket-line.ts';

const pollMs = 20;
/** How often vanishing and churn are looked at. */
const disturbMs = 250;
const vanishWithinMs = 60_000;
/** How long an agent's health is another one, where churn changes it. */
const spellMs = 20_000;
/** Plain HTTP: how often an agent asks that was told no interval. */
const pollingSeconds = 30;
/** Questions that `draw` answers for each agent. */
const asked = { vanishes: 21, vanishesWhen: 22 };

/** Many agents in this process, which behave as the reference client does. */
export class Simulator implements SimulatedFleet {
  readonly #options: SimulatorOptions;
  readonly #tally = new Tally();
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #parts: LineParts;
  readonly #http: HttpConnections;
  #lines: Line[] = [];
  #heartbeats: Heartbeats | null = null;
  #disturbances: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(given: GivenOptions) {
    const options: SimulatorOptions = { ...simulatorDefaults, ...given };
    this.#options = options;
    this.#random = seededRandom(options.seed + options.firstAgent);
    this.#fleet = new Fleet(options, this.#tally);
    this.#http = new HttpConnections(options.dialsInFlight);
    this.#parts = {
      fleet: this.#fleet,
      tally: this.#tally,
      gate: new DialGate(options.dialsInFlight),
      random: this.#random,
    };
  }

  async begin(): Promise<void> {
    const targets = await resolveTargets(this.#options);
    const { heartbeatSeconds } = this.#options;
    this.#lines = this.#draw(targets);
    for (const line of this.#lines) line.start();
    await this.heartbeatEvery(heartbeatSeconds || (targets.transport === 'http' ? pollingSeconds : 0));
    this.#disturb();
  }

  async heartbeatEvery(seconds: number): Promise<void> {
    this.#heartbeats?.stop();
    this.#heartbeats = null;
    if (seconds === 0) return;
    const beat = (agent: number): void => this.#lineOf(agent).beat(agent);
    this.#heartbeats = new Heartbeats(this.#options.agents, seconds * 1_000, beat);
  }

  async start(): Promise<void> {
    await this.begin();
    await this.untilOnline(this.#options.agents);
  }

  async untilOnline(count: number, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    await this.#until(
      () => this.#tally.online >= count,
      timeoutMs,
      () => `${this.#tally.online} of ${count} agents are online`,
    );
  }

  async cutAll(returnAfterMs: number | null = 0): Promise<void> {
    for (const line of this.#lines) line.cut(returnAfterMs);
  }

  async changeState(share = 1): Promise<number> {
    let changed = 0;
    for (let agent = 0; agent < this.#options.agents; agent++) {
      if (share < 1 && this.#random() >= share) continue;
      if (this.#fleet.table.gone[agent] === 1) continue;
      this.#fleet.changeHealth(agent, this.#lineOf(agent));
      changed += 1;
    }
    return changed;
  }

  async markOffers(): Promise<void> {
    this.#fleet.markOffers();
  }

  async clearLatencies(): Promise<void> {
    this.#tally.clearLatencies();
  }

  async stats(): Promise<SimulatorStats> {
    return statsOf([this.#tally.raw()]);
  }

  /** What processes of one fleet add up. */
  raw(): RawTally {
    return this.#tally.raw();
  }

  async stateOf(agent: number): Promise<SimulatedAgent> {
    const { table, reports, configs } = this.#fleet;
    const healthy = table.healthy[agent] === 1;
    const offered = table.offered[agent]!;
    const { identifying, others } = reports.attributesOf(agent);
    const files = AgentConfigMap.decode(reports.effectiveConfigOf(agent)).configMap;
    return {
      uid: uuidText(table.uid(agent)),
      online: table.online[agent] === 1,
      allSaid: table.pending[agent] === 0,
      sequenceNum: table.nextSequence[agent]! - 1,
      healthy,
      lastError: healthy ? '' : `${unhealthyReason} (${table.changes[agent]})`,
      attributes: { ...identifying, ...others },
      remoteConfigHash: offered < 0 ? null : configs.get(offered).hash.toString('hex'),
      remoteConfigStatus: configStatusName(table.configStatus[agent]!),
      effectiveConfig: Object.fromEntries(
        Object.entries(files).map(([name, file]) => [name, Buffer.from(file.body ?? []).toString()]),
      ),
    };
  }

  async states(): Promise<SimulatedAgent[]> {
    return Promise.all(Array.from({ length: this.#options.agents }, (_, agent) => this.stateOf(agent)));
  }

  async stop(goodbye = true): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#heartbeats?.stop();
    if (this.#disturbances) clearInterval(this.#disturbances);
    await Promise.all(this.#lines.map((line) => line.stop(goodbye)));
    this.#http.close();
  }

  /** Agent i is on line i modulo their number, so that neighbours' heartbeats go over different connections. */
  #draw(targets: Targets): Line[] {
    const { agents, agentsPerConnection, firstAgent } = this.#options;
    const count = Math.ceil(agents / agentsPerConnection);
    return Array.from({ length: count }, (_, line): Line => {
      const of = (attempt: number) => targets.of(firstAgent + line, attempt);
      if (targets.transport === 'http') return new HttpLine(this.#parts, line, of, 0, this.#http);
      const mine: number[] = [];
      for (let agent = line; agent < agents; agent += count) mine.push(agent);
      return new WebSocketLine(this.#parts, mine, of, 0);
    });
  }

  #lineOf(agent: number): Line {
    return this.#lines[agent % this.#lines.length]!;
  }

  #disturb(): void {
    const { agents, firstAgent, seed, vanishShare, churnPerMinute } = this.#options;
    if (vanishShare === 0 && churnPerMinute === 0) return;
    const leaving = Array.from({ length: agents }, (_, agent) => agent)
      .filter((agent) => draw(seed, firstAgent + agent, asked.vanishes) < vanishShare)
      .map((agent) => ({
        agent,
        at: performance.now() + draw(seed, firstAgent + agent, asked.vanishesWhen) * vanishWithinMs,
      }))
      .sort((a, b) => b.at - a.at);
    let owed = 0;
    this.#disturbances = setInterval(() => {
      while (leaving.length > 0 && leaving.at(-1)!.at < performance.now()) this.#vanish(leaving.pop()!.agent);
      owed += agents * churnPerMinute * (disturbMs / 60_000);
      for (; owed >= 1; owed--) this.#churn(Math.floor(this.#random() * agents));
    }, disturbMs);
  }

  #vanish(agent: number): void {
    this.#fleet.table.gone[agent] = 1;
    if (this.#options.agentsPerConnection === 1) this.#lineOf(agent).cut(null);
  }

  #churn(agent: number): void {
    if (this.#fleet.table.gone[agent] === 1) return;
    const drops = this.#options.agentsPerConnection === 1 && this.#random() < 0.5;
    if (drops) this.#lineOf(agent).cut(0);
    else this.#spell(agent);
  }

  /** Other health for a while, or the fleet would be half unhealthy in the end. */
  #spell(agent: number): void {
    const change = () => this.#fleet.changeHealth(agent, this.#lineOf(agent));
    change();
    setTimeout(() => !this.#stopped && this.#fleet.table.gone[agent] === 0 && change(), spellMs).unref();
  }

  async #until(condition: () => boolean, timeoutMs: number, state: () => string): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms only ${state()}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
