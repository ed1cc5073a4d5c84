import type { AgentId } from '@muster/agents/agent-id';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import type { AgentsChanged } from '@muster/messages/vocabulary';
import type { Log } from '@muster/platform/log';
import type { RolloutService } from '@muster/rollouts/rollout-service';
import type { AgentResources } from '../agents/agent-resources.ts';
import type { AgentResource } from '../agents/agent-schemas.ts';
import type { OverviewResource, OverviewResources } from '../overview/overview-resources.ts';
import { toRolloutResource, type RolloutResource } from '../rollouts/rollout-schemas.ts';
import { Feed } from './feed.ts';
import { takeAll, takeOne } from './mailbox.ts';

interface LiveDeps {
  agents: AgentResources;
  overview: OverviewResources;
  rollouts: RolloutService;
  log: Log;
}

/** What GraphQL subscriptions are fed with: a process listens on the bus once, whoever and however many subscribe. */
export class Live {
  readonly #agents: Feed<AgentId, AgentResource>;
  readonly #deleted: Feed<AgentId, AgentId>;
  readonly #overview: Feed<'overview', OverviewResource>;
  readonly #rollouts: Feed<string, RolloutResource>;
  #listening: Subscription[] = [];

  constructor({ agents, overview, rollouts, log }: LiveDeps) {
    const onError = (error: unknown) =>
      log.warn({ err: error }, 'a live view could not be read; trying again');
    this.#agents = new Feed({
      onError,
      fetch: async (ids) => new Map((await agents.many(ids)).map((agent) => [agent.uid as AgentId, agent])),
    });
    this.#deleted = new Feed({ onError, fetch: async (ids) => new Map(ids.map((id) => [id, id])) });
    this.#overview = new Feed({
      onError,
      fetch: async () => new Map([['overview', await overview.find()]]),
    });
    this.#rollouts = new Feed({
      onError,
      async fetch(ids) {
        const found = await Promise.all(ids.map((id) => rollouts.find(id)));
        return new Map(
          found.flatMap((rollout) => (rollout ? [[rollout.id, toRolloutResource(rollout)]] : [])),
        );
      },
    });
  }

  /** Hears the bus from now on. */
  async listen(bus: EventBus): Promise<void> {
    const touchOverview = () => this.#overview.change(['overview']);
    this.#listening = await Promise.all([
      bus.listen('agents.changed', (fact) => {
        this.#takeAgents(fact);
        touchOverview();
      }),
      bus.listen('rollouts.changed', ({ id }) => {
        this.#rollouts.change([id]);
        touchOverview();
      }),
      bus.listen('fleets.changed', touchOverview),
      bus.listen('configurations.changed', touchOverview),
    ]);
  }

  #takeAgents({ agents }: AgentsChanged): void {
    const isDeleted = ({ changes }: AgentsChanged['agents'][number]) => changes.includes('deleted');
    const idOf = ({ uid }: { uid: string }) => uid as AgentId;
    this.#deleted.change(agents.filter(isDeleted).map(idOf));
    this.#agents.change(agents.filter((agent) => !isDeleted(agent)).map(idOf));
  }

  agentsChanged(uid?: AgentId): AsyncIterableIterator<AgentResource[]> {
    return this.#agents.subscribe(takeAll, uid);
  }

  agentsDeleted(): AsyncIterableIterator<AgentId[]> {
    return this.#deleted.subscribe(takeAll);
  }

  overviewChanged(): AsyncIterableIterator<OverviewResource> {
    return this.#overview.subscribe(takeOne);
  }

  rolloutChanged(id?: string): AsyncIterableIterator<RolloutResource> {
    return this.#rollouts.subscribe(takeOne, id);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#listening.map((subscription) => subscription.stop()));
    await Promise.all(
      [this.#agents, this.#deleted, this.#overview, this.#rollouts].map((feed) => feed.stop()),
    );
  }
}
