import { parseAgentId, type AgentId } from '@muster/agents/agent-id';
import type { AgentDetail, AgentFilter, AgentSummary } from '@muster/agents/agent';
import type { AgentViews } from '@muster/agents/agent-views.postgres';
import { UnknownAgent } from '@muster/agents/errors';
import { parseSelector } from '@muster/agents/selector';
import type { AgentConfigurationViews } from '@muster/configs/agent-configuration-views.postgres';
import type { AgentConfiguration } from '@muster/configs/configuration-status';
import type { DriftViews } from '@muster/configs/drift-views.postgres';
import type { z } from 'zod';
import { toDriftResource } from '../drift/drift-schemas.ts';
import { InvalidRequest } from '../http/errors.ts';
import type { Page } from '../http/paging.ts';
import { toDateTime } from '../http/schemas.ts';
import type { AgentDetailResource, AgentResource, agentQuery } from './agent-schemas.ts';

/** Counting stops here: nobody needs to know more of a list than that it is long. */
const countCap = 10_000;

export type AgentQuery = z.output<typeof agentQuery>;

/** An agent's uid from outside; `field` is where it came. */
export function parseUid(text: string, field = 'uid'): AgentId {
  const id = parseAgentId(text);
  if (!id) throw new InvalidRequest({ field, detail: 'must be a UUID' });
  return id;
}

/** Agents as the API shows them: what they said and what they run. */
export class AgentResources {
  readonly #views: AgentViews;
  readonly #configurations: AgentConfigurationViews;

  readonly #drifts: DriftViews;

  constructor(views: AgentViews, configurations: AgentConfigurationViews, drifts: DriftViews) {
    this.#drifts = drifts;
    this.#views = views;
    this.#configurations = configurations;
  }

  async page(query: AgentQuery): Promise<Page<AgentResource>> {
    const { limit, after } = query;
    const page = await this.#views.page({ ...toFilter(query), limit, ...(after !== undefined && { after }) });
    return { items: await this.#complete(page.items), next: page.next };
  }

  /** How many agents match, up to 10,000. */
  async count(query: AgentQuery): Promise<number> {
    return this.#views.count(toFilter(query), countCap);
  }

  /** These agents, in the order asked; unknown ones are left out. */
  async many(ids: readonly AgentId[]): Promise<AgentResource[]> {
    return ids.length === 0 ? [] : this.#complete(await this.#views.many(ids));
  }

  /** @throws UnknownAgent */
  async find(id: AgentId): Promise<AgentDetailResource> {
    const detail = await this.#views.find(id);
    if (!detail) throw new UnknownAgent(id);
    const [[summary], drift, driftNotCompared] = await Promise.all([
      this.#complete([detail]),
      this.#drifts.find(id),
      this.#drifts.notCompared(id),
    ]);
    return { ...summary!, ...toDetail(detail), drift: drift && toDriftResource(drift), driftNotCompared };
  }

  async #complete(summaries: readonly AgentSummary[]): Promise<AgentResource[]> {
    const configurations = await this.#configurations.many(summaries.map((summary) => summary.uid));
    return summaries.map((summary) => toResource(summary, configurations.get(summary.uid)));
  }
}

function toFilter({ selector, search, status, fleet, finding }: AgentQuery): AgentFilter {
  return {
    ...(selector !== undefined && { selector: parseSelector(selector) }),
    ...(search !== undefined && { search }),
    ...(status !== undefined && { status }),
    ...(fleet !== undefined && { fleet }),
    ...(finding !== undefined && { finding }),
  };
}

const noConfiguration: AgentConfiguration = {
  status: 'none',
  current: null,
  pending: null,
  target: null,
  error: null,
};

function toResource(summary: AgentSummary, configuration: AgentConfiguration | undefined): AgentResource {
  return {
    uid: summary.uid,
    name: summary.name,
    status: summary.status,
    healthy: summary.healthy,
    type: summary.type,
    version: summary.version,
    os: summary.os,
    arch: summary.arch,
    hostname: summary.hostname,
    labels: summary.labels,
    attributes: summary.attributes,
    capabilities: summary.capabilities,
    transport: summary.transport,
    fleet: summary.fleet,
    configuration: configuration ?? noConfiguration,
    enrolledAt: toDateTime(summary.enrolledAt),
    connectedAt: toDateTime(summary.connectedAt),
    lastSeenAt: toDateTime(summary.lastSeenAt),
  };
}

function toDetail(
  detail: AgentDetail,
): Omit<AgentDetailResource, keyof AgentResource | 'drift' | 'driftNotCompared'> {
  return {
    identifyingAttributes: detail.identifyingAttributes,
    nonIdentifyingAttributes: detail.nonIdentifyingAttributes,
    health: detail.health,
    effectiveConfig: detail.effectiveConfig,
    findings: detail.findings,
    findingsOmitted: detail.findingsOmitted,
    withheld: detail.withheld,
    components: detail.components,
    packages: detail.packages,
    remoteConfigStatus: detail.remoteConfigStatus,
    connection: detail.connection,
  };
}
