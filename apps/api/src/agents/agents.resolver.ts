import { parseAgentId, type AgentId } from '@muster/agents/agent-id';
import { UnknownAgent } from '@muster/agents/errors';
import type { Explanations } from '@muster/configs/explanations.postgres';
import type { Resolvers, SubscriptionResolvers } from '../graphql/resolvers.ts';
import { parse } from '../http/parse.ts';
import type { Page } from '../http/paging.ts';
import type { Live } from '../live/live.ts';
import type { AgentChanges } from './agent-changes.ts';
import { parseUid, type AgentQuery, type AgentResources } from './agent-resources.ts';
import {
  agentPatch,
  agentQuery,
  toExplanationResource,
  type AgentDetailResource,
  type AgentResource,
} from './agent-schemas.ts';

interface UidArguments {
  uid: string;
}

export function agentResolvers(
  agents: AgentResources,
  changes: AgentChanges,
  explanations: Explanations,
): Resolvers {
  const details = new DetailLoader(agents);
  const detail =
    <K extends keyof AgentDetailResource>(field: K) =>
    async (agent: AgentResource): Promise<AgentDetailResource[K]> =>
      (await details.of(agent))[field];
  const findSummary = async (id: AgentId): Promise<AgentResource | null> =>
    (await agents.many([id]))[0] ?? null;

  return {
    Query: {
      async agents(_parent: unknown, args: unknown): Promise<CountablePage> {
        const query = parse(agentQuery, args, 'arguments');
        return { ...(await agents.page(query)), query };
      },
      agent: async (_parent: unknown, { uid }: UidArguments) => findSummary(parseUid(uid)),
    },
    Mutation: {
      async setAgentLabels(_parent: unknown, { uid, labels }: UidArguments & { labels: unknown }, { actor }) {
        const id = parseUid(uid);
        await changes.setLabels(actor, id, parse(agentPatch, { labels }).labels);
        const agent = await findSummary(id);
        if (!agent) throw new UnknownAgent(id);
        return agent;
      },
      async deleteAgent(_parent: unknown, { uid }: UidArguments, { actor }) {
        await changes.delete(actor, parseUid(uid));
        return true;
      },
      async restartAgent(_parent: unknown, { uid }: UidArguments, { actor }) {
        await changes.restart(actor, parseUid(uid));
        return true;
      },
    },
    AgentPage: { total: (page: CountablePage) => agents.count(page.query) },
    Agent: {
      identifyingAttributes: detail('identifyingAttributes'),
      nonIdentifyingAttributes: detail('nonIdentifyingAttributes'),
      health: detail('health'),
      effectiveConfig: detail('effectiveConfig'),
      findings: detail('findings'),
      findingsOmitted: detail('findingsOmitted'),
      withheld: detail('withheld'),
      driftNotCompared: detail('driftNotCompared'),
      drift: detail('drift'),
      components: detail('components'),
      packages: detail('packages'),
      remoteConfigStatus: detail('remoteConfigStatus'),
      connection: detail('connection'),
      explanation: async ({ uid }: AgentResource) =>
        toExplanationResource(await explanations.explain(parseUid(uid))),
    },
  };
}

export function agentSubscriptions(live: Live): SubscriptionResolvers {
  return {
    agentsChanged: {
      subscribe: (_parent: unknown, { uid }: Partial<UidArguments>) =>
        live.agentsChanged(uid === undefined ? undefined : parseUid(uid)),
    },
    agentsDeleted: { subscribe: () => live.agentsDeleted() },
  };
}

/** A page that can still be asked how many there are in all. */
interface CountablePage extends Page<AgentResource> {
  query: AgentQuery;
}

/**
 * Reads an agent's detail once for all fields that ask for it; in a subscription once for all subscribers,
 * since they share what a change brought.
 */
class DetailLoader {
  readonly #agents: AgentResources;
  readonly #loaded = new WeakMap<AgentResource, Promise<AgentDetailResource>>();

  constructor(agents: AgentResources) {
    this.#agents = agents;
  }

  of(agent: AgentResource): Promise<AgentDetailResource> {
    let detail = this.#loaded.get(agent);
    if (!detail) {
      detail = this.#agents.find(parseAgentId(agent.uid)!);
      this.#loaded.set(agent, detail);
    }
    return detail;
  }
}
