import { createHash } from 'node:crypto';
import { agentCapability } from '@muster/opamp/capabilities';
import { configStatus } from '@muster/opamp/opamp';
import { describeAgent, mixOfKinds, type AgentKind } from './agent-kinds.ts';
import { part, type AgentTable } from './agent-table.ts';
import { initialConfigMap, type Configs } from './configs.ts';
import type { SimulatorOptions } from './options.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** Why an agent says that it is unhealthy. */
export const unhealthyReason = 'the exporter cannot reach its backend';
/** Why an agent says that a configuration failed. */
export const failureReason = 'the collector does not start with this configuration';

const startedParts = ['extensions', 'pipeline:logs', 'pipeline:metrics', 'pipeline:traces'];

interface KindBytes {
  configMap: Buffer;
  componentsHash: Buffer;
  /** Entries of AvailableComponents.components. */
  components: Buffer;
}

/** Writes what agents say: AgentToServer messages, each in the memory of the one before. */
export class Reports {
  readonly #table: AgentTable;
  readonly #configs: Configs;
  readonly #options: SimulatorOptions;
  readonly #writer = new ProtobufWriter();
  readonly #bytes = new Map<AgentKind, KindBytes>();
  readonly #kinds: AgentKind[];
  readonly #capabilities: Uint32Array;

  constructor(table: AgentTable, configs: Configs, options: SimulatorOptions) {
    this.#table = table;
    this.#configs = configs;
    this.#options = options;
    this.#kinds = mixOfKinds(options.kinds, options.seed, options.firstAgent, table.size);
    const said = options.details ? ~0 : ~agentCapability.ReportsAvailableComponents;
    this.#capabilities = Uint32Array.from(this.#kinds, ({ capabilities }) => capabilities & said);
  }

  kindOf(agent: number): AgentKind {
    return this.#kinds[agent]!;
  }

  can(agent: number, capability: number): boolean {
    return (this.#capabilities[agent]! & capability) !== 0;
  }

  /** What it says of itself, by key, identifying attributes first. */
  attributesOf(agent: number): { identifying: Record<string, string>; others: Record<string, string> } {
    const { seed, firstAgent, attributes } = this.#options;
    const kind = this.kindOf(agent);
    const { version, attributes: own } = describeAgent(kind, seed, firstAgent + agent);
    const instance = uuidText(this.#table.uid(agent));
    return {
      identifying: { 'service.name': kind.type, 'service.version': version, 'service.instance.id': instance },
      others: { ...own, ...attributes },
    };
  }

  /** An AgentConfigMap: what the agent runs now. */
  effectiveConfigOf(agent: number): Buffer {
    const applied = this.#table.applied[agent]!;
    return applied < 0 ? this.#bytesOf(this.kindOf(agent)).configMap : this.#configs.get(applied).configMap;
  }

  /** The agent's next message with what waits to be said, and nothing else. Valid until the next call. */
  next(agent: number): Buffer {
    const table = this.#table;
    const said = table.pending[agent]!;
    const writer = this.#writer.clear();
    writer.bytes(1, table.uid(agent)).number(2, table.nextSequence[agent]!++);
    if (said === 0) return writer.number(4, this.#capabilities[agent]!).written;
    table.pending[agent] = 0;
    if (said & part.description) this.#description(agent);
    writer.number(4, this.#capabilities[agent]!);
    if (said & part.health) this.#health(agent);
    if (said & part.effectiveConfig)
      writer.message(6, (config) => config.bytes(1, this.effectiveConfigOf(agent)));
    if (said & part.configStatus && this.can(agent, agentCapability.ReportsRemoteConfig))
      this.#configStatus(agent);
    if (said & part.disconnect) writer.message(9, () => {});
    if (this.#options.details && said & (part.components | part.componentsHash)) {
      const { components, componentsHash } = this.#bytesOf(this.kindOf(agent));
      writer.message(14, (available) => {
        if (said & part.components) available.raw(components);
        available.bytes(2, componentsHash);
      });
    }
    return writer.written;
  }

  #description(agent: number): void {
    const { identifying, others } = this.attributesOf(agent);
    this.#writer.message(3, (description) => {
      for (const [key, value] of Object.entries(identifying)) keyValue(description, 1, key, value);
      for (const [key, value] of Object.entries(others)) keyValue(description, 2, key, value);
    });
  }

  #health(agent: number): void {
    const healthy = this.#table.healthy[agent] === 1;
    const startedAt = nanoseconds(this.#table.startedAt[agent]!);
    const now = nanoseconds(Date.now());
    const write = (health: ProtobufWriter, ok: boolean): ProtobufWriter => {
      health.flag(1, ok).fixed64(2, startedAt);
      if (!ok) health.text(3, `${unhealthyReason} (${this.#table.changes[agent]})`);
      return health.text(4, ok ? 'StatusOK' : 'StatusRecoverableError').fixed64(5, now);
    };
    this.#writer.message(5, (health) => {
      write(health, healthy);
      if (!this.#options.details) return;
      for (const name of startedParts) {
        health.message(6, (entry) =>
          entry.text(1, name).message(2, (of) => void write(of, healthy || name !== 'pipeline:logs')),
        );
      }
    });
  }

  #configStatus(agent: number): void {
    const offered = this.#table.offered[agent]!;
    const status = this.#table.configStatus[agent]!;
    this.#writer.message(7, (of) => {
      if (offered >= 0) of.bytes(1, this.#configs.get(offered).hash);
      of.number(2, status);
      if (status === configStatus.failed) of.text(3, failureReason);
    });
  }

  #bytesOf(kind: AgentKind): KindBytes {
    const known = this.#bytes.get(kind);
    if (known) return known;
    const components = Buffer.from(componentsOf(kind).written);
    const made = {
      configMap: initialConfigMap(kind.type, this.#options.effectiveBytes),
      componentsHash: createHash('sha256').update(components).digest(),
      components,
    };
    this.#bytes.set(kind, made);
    return made;
  }
}

export function uuidText(uid: Uint8Array): string {
  return Buffer.from(uid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Entries of AvailableComponents.components: categories with their parts. */
function componentsOf(kind: AgentKind): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const [category, names] of Object.entries(kind.components)) {
    writer.message(1, (entry) =>
      entry.text(1, category).message(2, (details) => {
        for (const name of names) {
          details.message(2, (part) =>
            part.text(1, name).message(2, (of) => {
              keyValue(of, 1, 'code.namespace', `go.opentelemetry.io/collector/${category}/${name}`);
            }),
          );
        }
      }),
    );
  }
  return writer;
}

function keyValue(writer: ProtobufWriter, field: number, key: string, value: string): void {
  writer.message(field, (pair) => pair.text(1, key).message(2, (any) => any.text(1, value)));
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n;
}
