import { agentCapability } from '@muster/opamp/capabilities';
import { draw } from './random.ts';

/** What a group of simulated agents has in common. */
export interface AgentKind {
  name: string;
  /** service.name. */
  type: string;
  versions: readonly string[];
  hosts: readonly Host[];
  capabilities: number;
  /** By category: receivers, processors, exporters, extensions. */
  components: Readonly<Record<string, readonly string[]>>;
  /** How many of a mixed fleet are of this kind, in parts. */
  weight: number;
}

interface Host {
  os: string;
  arch: string;
  description: string;
}

const debian = (arch: string): Host => ({ os: 'linux', arch, description: 'Debian GNU/Linux 12 (bookworm)' });
const bottlerocket = (arch: string): Host => ({ os: 'linux', arch, description: 'Bottlerocket OS 1.42' });
const windows: Host = { os: 'windows', arch: 'amd64', description: 'Windows Server 2022 Datacenter' };
const mac: Host = { os: 'darwin', arch: 'arm64', description: 'macOS 15.6' };

const observed =
  agentCapability.ReportsStatus |
  agentCapability.ReportsEffectiveConfig |
  agentCapability.ReportsHealth |
  agentCapability.ReportsHeartbeat |
  agentCapability.ReportsAvailableComponents;

/** What a collector under a supervisor can. */
const supervised =
  observed |
  agentCapability.AcceptsRemoteConfig |
  agentCapability.ReportsRemoteConfig |
  agentCapability.AcceptsRestartCommand;

const common = {
  receivers: ['hostmetrics', 'otlp', 'prometheus'],
  processors: ['batch', 'memory_limiter', 'resource'],
  exporters: ['debug', 'otlp', 'otlphttp'],
  extensions: ['health_check', 'opamp'],
};

/** The kinds that there are, by name. */
export const agentKinds = {
  contrib: {
    name: 'contrib',
    type: 'otelcol-contrib',
    versions: ['0.147.0', '0.148.0', '0.149.0', '0.149.0'],
    hosts: [debian('amd64'), debian('amd64'), debian('arm64')],
    capabilities: supervised,
    components: { ...common, receivers: [...common.receivers, 'filelog', 'kafka', 'postgresql', 'redis'] },
    weight: 5,
  },
  k8s: {
    name: 'k8s',
    type: 'otelcol-k8s',
    versions: ['0.148.0', '0.149.0'],
    hosts: [bottlerocket('amd64'), bottlerocket('arm64')],
    capabilities: supervised,
    components: { ...common, receivers: [...common.receivers, 'filelog', 'k8s_cluster', 'kubeletstats'] },
    weight: 3,
  },
  desktop: {
    name: 'desktop',
    type: 'otelcol',
    versions: ['0.146.0', '0.149.0'],
    hosts: [windows, windows, mac],
    capabilities: supervised,
    components: { ...common, receivers: [...common.receivers, 'windowseventlog'] },
    weight: 2,
  },
  observed: {
    name: 'observed',
    type: 'otelcol-observed',
    versions: ['0.149.0'],
    hosts: [debian('amd64')],
    capabilities: observed,
    components: common,
    weight: 1,
  },
} as const satisfies Record<string, AgentKind>;
export type AgentKindName = keyof typeof agentKinds;

const environments = ['prod', 'prod', 'stage', 'dev'];
const regions = ['eu-1', 'us-1', 'us-2', 'ap-1'];

/** Questions that `draw` answers for each agent. */
const asked = { kind: 1, version: 2, host: 3, environment: 4, region: 5 };

/** The kind of each agent of a fleet that is mixed from `names` by their weights. */
export function mixOfKinds(
  names: readonly AgentKindName[],
  seed: number,
  firstAgent: number,
  size: number,
): AgentKind[] {
  const kinds: AgentKind[] = names.map((name) => agentKinds[name]);
  const parts = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  return Array.from({ length: size }, (_, agent) => {
    const part = Math.floor(draw(seed, firstAgent + agent, asked.kind) * parts.length);
    return parts[part]!;
  });
}

/** What an agent says of itself, identifying attributes apart. */
export function describeAgent(
  kind: AgentKind,
  seed: number,
  agent: number,
): { version: string; attributes: Record<string, string> } {
  const pick = <Item>(items: readonly Item[], question: number): Item =>
    items[Math.floor(draw(seed, agent, question) * items.length)]!;
  const host = pick(kind.hosts, asked.host);
  const region = pick(regions, asked.region);
  return {
    version: pick(kind.versions, asked.version),
    attributes: {
      'host.name': `${kind.name}-${region}-${String(agent).padStart(5, '0')}`,
      'host.arch': host.arch,
      'os.type': host.os,
      'os.description': host.description,
      env: pick(environments, asked.environment),
      region,
    },
  };
}
