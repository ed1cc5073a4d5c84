import { randomUUID } from 'node:crypto';
import { keyAttribute } from './messages.ts';
import type { Operator, ShownAgent, ShownHealth, ShownPackage } from './operator.ts';

/** What the suite reads of Muster's agent resource. */
interface AgentResource {
  uid: string;
  status: string;
  healthy: boolean | null;
  identifyingAttributes: Record<string, unknown>;
  nonIdentifyingAttributes: Record<string, unknown>;
  capabilities: string[];
  health: ShownHealth | null;
  effectiveConfig: Record<string, string> | null;
  remoteConfigStatus: ShownAgent['remoteConfigStatus'];
  packages: { packages: Record<string, ShownPackage & { download: { percent: number } | null }> } | null;
  components: ShownAgent['components'];
  configuration: { status: string; error: string | null };
  lastSeenAt: string;
}

/** One wave, nothing waited for, never paused: the suite assigns to one agent at a time. */
const policy = {
  waves: ['100%'],
  soakSeconds: 0,
  maxFailed: '100%',
  maxUnhealthy: null,
  maxDisconnected: null,
};

/** An admin of Muster, by its REST API. */
export class MusterOperator implements Operator {
  readonly #api: URL;
  readonly #key: string;
  /** Names of this run's configurations and fleets begin with it. */
  readonly #run = `conformance-${randomUUID().slice(0, 8)}`;
  /** Names of configuration and fleet, by `conformance.key`. */
  readonly #names = new Map<string, string>();
  /** The API takes bodies of 4 MiB, as JSON. */
  readonly largestConfig = 3 << 20;
  readonly restartServer: (() => Promise<void>) | null;

  /** `restartServer`: for who can end its process and start it again. */
  constructor(api: URL, key: string, restartServer: (() => Promise<void>) | null = null) {
    this.#api = new URL('/api/v1/', api);
    this.#key = key;
    this.restartServer = restartServer;
  }

  async agent(uuid: string): Promise<ShownAgent | null> {
    const response = await this.#request('GET', `agents/${uuid}`);
    if (response.status === 404) return null;
    return shownAgent(await this.#json<AgentResource>(response));
  }

  async agentsWithKey(key: string): Promise<string[]> {
    const selector = encodeURIComponent(`${keyAttribute}=${key}`);
    const response = await this.#request('GET', `agents?selector=${selector}&limit=100`);
    return (await this.#json<{ items: AgentResource[] }>(response)).items.map(({ uid }) => uid);
  }

  async assignConfig(key: string, body: string): Promise<void> {
    const known = this.#names.get(key);
    if (known !== undefined) {
      const { version } = await this.#call<{ version: number }>('POST', `configurations/${known}/versions`, {
        body,
      });
      const rollout = { fleet: known, configuration: known, version, policy };
      await this.#call('POST', 'rollouts', rollout);
      return;
    }
    const name = `${this.#run}-${this.#names.size + 1}`;
    this.#names.set(key, name);
    await this.#call('POST', 'configurations', { name, body });
    const fleet = { selector: `${keyAttribute}=${key}`, priority: 1_000, configuration: name, policy };
    await this.#call('PUT', `fleets/${name}`, fleet);
  }

  async restartAgent(uuid: string): Promise<string | null> {
    const response = await this.#request('POST', `agents/${uuid}/commands`, { command: 'restart' });
    return response.ok ? null : `${response.status} ${await response.text()}`;
  }

  async makeToken(): Promise<{ token: string; revoke(): Promise<void> }> {
    const name = `${this.#run} ${randomUUID()}`;
    const { id, token } = await this.#call<{ id: string; token: string }>('POST', 'enrollment-tokens', {
      name,
    });
    return { token, revoke: async () => void (await this.#request('DELETE', `enrollment-tokens/${id}`)) };
  }

  async cleanUp(): Promise<void> {
    for (const name of this.#names.values()) await this.#request('DELETE', `fleets/${name}`);
  }

  async #call<Body>(method: string, path: string, body: unknown): Promise<Body> {
    return this.#json<Body>(await this.#request(method, path, body));
  }

  async #json<Body>(response: Response): Promise<Body> {
    if (!response.ok) {
      throw new Error(`the API answered ${response.status} to ${response.url}: ${await response.text()}`);
    }
    return (await response.json()) as Body;
  }

  #request(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(new URL(path, this.#api), {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}

function shownAgent(agent: AgentResource): ShownAgent {
  const packages = Object.entries(agent.packages?.packages ?? {}).map(([name, status]) => [
    name,
    { ...status, downloaded: status.download?.percent ?? null },
  ]);
  return {
    connected: agent.status === 'connected',
    healthy: agent.healthy,
    identifying: agent.identifyingAttributes,
    nonIdentifying: agent.nonIdentifyingAttributes,
    capabilities: agent.capabilities,
    health: agent.health,
    effectiveConfig: agent.effectiveConfig,
    remoteConfigStatus: agent.remoteConfigStatus,
    packages: agent.packages && (Object.fromEntries(packages) as Record<string, ShownPackage>),
    components: agent.components,
    configStatus: agent.configuration.status,
    configError: agent.configuration.error,
    lastSeen: Date.parse(agent.lastSeenAt),
  };
}
