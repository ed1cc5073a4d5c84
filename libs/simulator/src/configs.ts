import { ProtobufWriter } from './protobuf-writer.ts';

/** A configuration that agents were offered, or began with. */
export interface SimulatedConfig {
  /** config_hash; empty for one that an agent began with. */
  hash: Buffer;
  /** An encoded AgentConfigMap. */
  configMap: Buffer;
}

/** The distinct configurations of a fleet: what all agents have alike is kept once. */
export class Configs {
  readonly #all: SimulatedConfig[] = [];
  readonly #byHash = new Map<string, number>();

  get(place: number): SimulatedConfig {
    return this.#all[place]!;
  }

  /** The place of an offered configuration. The bytes are copied when they are new. */
  placeOf(hash: Buffer, configMap: Buffer): number {
    const key = hash.toString('hex');
    const known = this.#byHash.get(key);
    if (known !== undefined) return known;
    this.#all.push({ hash: Buffer.from(hash), configMap: Buffer.from(configMap) });
    this.#byHash.set(key, this.#all.length - 1);
    return this.#all.length - 1;
  }
}

/** An AgentConfigMap with the one file that a collector of this type starts with, `size` bytes long. */
export function initialConfigMap(type: string, size: number): Buffer {
  const body = Buffer.alloc(size);
  const filled = Buffer.from(initialYaml(type)).copy(body);
  body.fill('# one more line of a configuration\n', filled);
  return Buffer.from(
    new ProtobufWriter().message(1, (entry) =>
      entry.message(2, (file) => file.bytes(1, body).text(2, 'text/yaml')),
    ).written,
  );
}

function initialYaml(type: string): string {
  return [
    `# what ${type} starts with before it is told otherwise`,
    'receivers:',
    '  otlp:',
    '    protocols:',
    '      grpc:',
    'exporters:',
    '  debug:',
    'service:',
    '  pipelines:',
    '    traces:',
    '      receivers: [otlp]',
    '      exporters: [debug]',
    '',
  ].join('\n');
}
