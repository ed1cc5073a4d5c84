import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realCollector } from './binaries.ts';
import { Child, type Exit } from './child.ts';
import { userEnvironment } from './muster.ts';

export interface ExtensionCollectorOptions {
  /** `ws://` or `http://` address of the OpAMP endpoint. */
  url: string;
  token: string;
  uid: string;
  /** Between polls over HTTP; over WebSocket the extension has no heartbeat. */
  pollSeconds: number;
}

/** A real collector whose own `opamp` extension reports to the server: no supervisor. */
export class ExtensionCollector {
  readonly #directory: string;
  #child: Child | null = null;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(options: ExtensionCollectorOptions): Promise<ExtensionCollector> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-e2e-extension-'));
    await writeFile(join(directory, 'config.yaml'), configuration(options));
    const collector = new ExtensionCollector(directory);
    await collector.start();
    return collector;
  }

  /** Starts it, or starts it again with the same instance uid. */
  async start(): Promise<void> {
    if (!realCollector.found) throw new Error(realCollector.reason);
    this.#child = await Child.start(realCollector.paths.otelcol, ['--config', 'config.yaml'], {
      cwd: this.#directory,
      env: userEnvironment(),
    });
  }

  get output(): string {
    return this.#child?.output ?? '';
  }

  /** SIGTERM, its clean stop. */
  async stop(): Promise<Exit | undefined> {
    this.#child?.signal('SIGTERM');
    return this.#child?.exited;
  }

  async dispose(): Promise<void> {
    await this.#child?.killTree();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Its own metrics are off: every collector would serve them on port 8888. */
function configuration({ url, token, uid, pollSeconds }: ExtensionCollectorOptions): string {
  const overHttp = url.startsWith('http');
  return `extensions:
  opamp:
    instance_uid: ${uid}
    server:
      ${overHttp ? 'http' : 'ws'}:
        endpoint: ${url}
        headers:
          Authorization: Bearer ${token}
        tls:
          insecure: true
${overHttp ? `        polling_interval: ${pollSeconds}s\n` : ''}    agent_description:
      non_identifying_attributes:
        role: alone
receivers:
  nop:
exporters:
  nop:
service:
  extensions: [opamp]
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [nop]
      exporters: [nop]
`;
}
