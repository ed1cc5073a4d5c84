import type { GivenOptions } from './options.ts';
import { Simulator } from './simulator.ts';

const calls = [
  'begin',
  'cutAll',
  'changeState',
  'heartbeatEvery',
  'markOffers',
  'clearLatencies',
  'raw',
  'stateOf',
  'states',
  'stop',
] as const;
export type SimulatorCall = (typeof calls)[number];

/** Between a pool and its processes. */
export type PoolMessage =
  { id: number; options: GivenOptions } | { id: number; call: SimulatorCall; args: unknown[] };
export type PoolAnswer = { id: number; value?: unknown; error?: string };

/** Runs one simulator in this process for the pool that forked it, and ends when the pool is gone. */
export function serveSimulator(): void {
  let simulator: Simulator | null = null;
  // Ctrl-C goes to every process of a terminal; the pool decides what it means
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: PoolMessage) => {
    void answer(message).then((reply) => process.connected && process.send!(reply));
  });

  async function answer(message: PoolMessage): Promise<PoolAnswer> {
    const { id } = message;
    try {
      if ('options' in message) {
        simulator = new Simulator(message.options);
        return { id };
      }
      const call = simulator![message.call] as (...args: unknown[]) => unknown;
      return { id, value: await call.apply(simulator, message.args) };
    } catch (error) {
      return { id, error: (error as Error).message };
    }
  }
}
