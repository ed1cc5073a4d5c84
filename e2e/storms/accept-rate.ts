import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatedFleet } from '@muster/simulator/simulated-fleet';

const sampleMs = 50;
const windowMs = 1_000;

/** When connections were accepted, as the clients see it. */
export class AcceptRate {
  readonly #fleet: SimulatedFleet;
  readonly #samples: { at: number; accepted: number }[] = [];
  #stopped = false;
  readonly #ended: Promise<void>;

  private constructor(fleet: SimulatedFleet) {
    this.#fleet = fleet;
    this.#ended = this.#run();
  }

  static watch(fleet: SimulatedFleet): AcceptRate {
    return new AcceptRate(fleet);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  /** The most that came within any one second. */
  get mostInASecond(): number {
    let most = 0;
    let start = 0;
    for (const { at, accepted } of this.#samples) {
      while (at - this.#samples[start]!.at > windowMs) start += 1;
      most = Math.max(most, accepted - this.#samples[start]!.accepted);
    }
    return most;
  }

  /**
   * How far those between two shares of all of them were from coming in steadily: the largest distance between
   * the share that had come and the share of the time that had passed. 0: like clockwork; towards 1: all at once.
   */
  distanceFromSteady(fromShare: number, toShare: number): number {
    const [first, last] = [this.#samples[0]!.accepted, this.#samples.at(-1)!.accepted];
    const reached = (share: number) =>
      this.#samples.findIndex(({ accepted }) => accepted - first >= share * (last - first));
    const between = this.#samples.slice(reached(fromShare), reached(toShare) + 1);
    const [start, end] = [between[0]!, between.at(-1)!];
    return Math.max(
      ...between.map(({ at, accepted }) =>
        Math.abs(
          (accepted - start.accepted) / (end.accepted - start.accepted) -
            (at - start.at) / (end.at - start.at),
        ),
      ),
    );
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { connectMs } = await this.#fleet.stats();
      this.#samples.push({ at: performance.now(), accepted: connectMs.count });
      await sleep(sampleMs);
    }
  }
}
