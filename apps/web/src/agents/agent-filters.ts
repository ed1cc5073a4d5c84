import { agentStatuses, type AgentStatus } from './agent.ts';
import type { AgentFilters } from './agents.queries.ts';

const names = ['selector', 'search', 'status', 'fleet', 'finding'] as const satisfies (keyof AgentFilters)[];

export const noFilters: AgentFilters = {
  selector: null,
  search: null,
  status: null,
  fleet: null,
  finding: null,
};

/** The filters a URL holds. Empty and unknown values filter nothing. */
export function readFilters(params: URLSearchParams): AgentFilters {
  const status = params.get('status') as AgentStatus | null;
  return {
    selector: params.get('selector') || null,
    search: params.get('search') || null,
    status: status && agentStatuses.includes(status) ? status : null,
    fleet: params.get('fleet') || null,
    finding: params.get('finding') === 'credentials' ? 'credentials' : null,
  };
}

/** The URL's parameters with other filters, from the first page on. */
export function writeFilters(params: URLSearchParams, filters: AgentFilters): URLSearchParams {
  const written = new URLSearchParams(params);
  written.delete('after');
  for (const name of names) {
    const value = filters[name];
    if (value) written.set(name, value);
    else written.delete(name);
  }
  return written;
}

/** Is any filter set? */
export function hasFilters(filters: AgentFilters): boolean {
  return names.some((name) => filters[name] !== null);
}

/** The address of the list of agents under these filters. */
export function agentsPath(filters: Partial<AgentFilters>): string {
  return `/agents?${writeFilters(new URLSearchParams(), { ...noFilters, ...filters })}`;
}
