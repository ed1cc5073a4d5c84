import { FakeAgent, type FakeAgentOptions } from '@muster/opamp/fake-agent';
import type { Muster } from './muster.ts';

/** `count` fake agents, connected over WebSocket to the gateways in turn, each having reported its state. */
export async function startFakeAgents(
  muster: Muster,
  count: number,
  options: Partial<FakeAgentOptions> = {},
): Promise<FakeAgent[]> {
  const agents = Array.from({ length: count }, (_, index) => fakeAgent(muster, index, options));
  await Promise.all(agents.map((agent) => agent.start()));
  return agents;
}

/** A fake agent that has not connected yet; its attribute `number` tells it from the others. */
export function fakeAgent(
  muster: Pick<Muster, 'opamp' | 'enrollmentToken'>,
  number = 0,
  options: Partial<FakeAgentOptions> = {},
): FakeAgent {
  return new FakeAgent({
    url: muster.opamp[number % muster.opamp.length] as string,
    token: muster.enrollmentToken,
    ...options,
    attributes: { number: String(number), ...options.attributes },
  });
}

/** Its uid as the API shows it. */
export function uidOf(agent: FakeAgent): string {
  const hex = Buffer.from(agent.uid).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Ends connections without a word. */
export async function cutAll(agents: readonly FakeAgent[]): Promise<void> {
  await Promise.all(agents.map((agent) => agent.connection.cut()));
}
