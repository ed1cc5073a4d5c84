const pages: Record<string, string> = {
  agent: 'agents',
  configuration: 'configurations',
  fleet: 'fleets',
  rollout: 'rollouts',
};

/** The page of a resource (`kind/name`); null where there is none. */
export function resourcePath(resource: string): string | null {
  const slash = resource.indexOf('/');
  const page = pages[resource.slice(0, slash)];
  const name = resource.slice(slash + 1);
  return page && slash > 0 && name ? `/${page}/${encodeURIComponent(name)}` : null;
}
