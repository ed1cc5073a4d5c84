import { setTimeout as sleep } from 'node:timers/promises';
import type { SimulatedAgent, SimulatedFleet } from '@muster/simulator/simulated-fleet';
import type { Muster } from './muster.ts';
import type { AgentDetail } from './rest-client.ts';

const requestsAtOnce = 8;
const lookAgainMs = 1_000;

/** An agent of which the API shows something else than it last said. */
export interface Difference {
  uid: string;
  field: string;
  said: unknown;
  shown: unknown;
}

/**
 * Compares every agent of the fleet, one by one, with what the API shows of it, until all agree or the time
 * is over. The fleet must have stopped changing. Answers what still differs then: nothing, it is hoped.
 */
export async function differences(
  muster: Pick<Muster, 'rest'>,
  fleet: SimulatedFleet,
  withinMs: number,
): Promise<Difference[]> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const agents = await fleet.states();
    let found: Difference[] = [];
    // those that agreed once are looked at again: the last round is one over all of them
    for (let waiting = agents; waiting.length > 0;) {
      const compared = await inTurns(waiting, (agent) => compare(muster, agent));
      found = compared.flat();
      const differing = new Set(found.map(({ uid }) => uid));
      if (Date.now() > deadline) return found;
      waiting = waiting.filter(({ uid }) => differing.has(uid));
      if (waiting.length > 0) await sleep(lookAgainMs);
      else if (compared.length === agents.length) return [];
    }
  }
}

async function compare(muster: Pick<Muster, 'rest'>, agent: SimulatedAgent): Promise<Difference[]> {
  const shown = await muster.rest.agent(agent.uid).catch((error: unknown) => String(error));
  if (typeof shown === 'string') return [{ uid: agent.uid, field: 'agent', said: 'it is there', shown }];
  return fieldsOf(agent, shown)
    .filter(({ said, shown }) => JSON.stringify(said) !== JSON.stringify(shown))
    .map((difference) => ({ uid: agent.uid, ...difference }));
}

function fieldsOf(agent: SimulatedAgent, shown: AgentDetail): Omit<Difference, 'uid'>[] {
  const { attributes } = shown;
  const status = shown.remoteConfigStatus;
  return [
    { field: 'status', said: agent.online ? 'connected' : 'disconnected', shown: shown.status },
    { field: 'healthy', said: agent.healthy, shown: shown.healthy },
    { field: 'lastError', said: agent.lastError, shown: shown.health?.lastError },
    { field: 'attributes', said: sorted(agent.attributes), shown: sorted(attributes) },
    { field: 'effectiveConfig', said: agent.effectiveConfig, shown: shown.effectiveConfig },
    ...(agent.remoteConfigHash === null
      ? []
      : [
          { field: 'remoteConfigHash', said: agent.remoteConfigHash, shown: status?.hash },
          { field: 'remoteConfigStatus', said: agent.remoteConfigStatus, shown: status?.status },
        ]),
  ];
}

function sorted(attributes: Record<string, string>): [string, string][] {
  return Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Does it for each, a few at a time. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await act(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, worker));
  return results;
}
