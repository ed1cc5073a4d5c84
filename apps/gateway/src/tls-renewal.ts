import type { Log } from '@muster/platform/log';
import type { GatewayMetrics } from './gateway-metrics.ts';
import { readTlsFiles, signOf, type TlsFiles, type TlsPaths } from './tls-files.ts';

export interface TlsRenewalOptions {
  paths: TlsPaths;
  /** What is served now. */
  current: TlsFiles;
  /** Serves new connections with these files; throws when they cannot be used. */
  use(files: TlsFiles): void;
  metrics: GatewayMetrics;
  log: Log;
  /** Milliseconds between two looks at the files. */
  everyMs?: number;
}

/**
 * Serves new connections with new files when they change, and when the process is sent SIGHUP. Files that
 * cannot be used leave everything as it is. Looks at the files instead of being told of changes: what tells
 * of them differs among file systems, and Kubernetes swaps a symbolic link.
 */
export class TlsRenewal {
  readonly #options: TlsRenewalOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #onHangUp = () => void this.#renew(true);
  #version: string;
  #sign: string | null = null;
  #underWay = false;
  #stopped = false;

  constructor(options: TlsRenewalOptions) {
    this.#options = options;
    this.#version = options.current.version;
    this.#timer = setInterval(() => void this.#renew(false), options.everyMs ?? 2_000);
    process.on('SIGHUP', this.#onHangUp);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    process.off('SIGHUP', this.#onHangUp);
  }

  async #renew(asked: boolean): Promise<void> {
    if (this.#underWay) return;
    this.#underWay = true;
    const { paths, metrics, log } = this.#options;
    try {
      const sign = await signOf(paths);
      if (sign === this.#sign && !asked) return;
      this.#sign = sign;
      const files = await readTlsFiles(paths);
      if (files.version === this.#version || this.#stopped) return;
      this.#options.use(files);
      this.#version = files.version;
      metrics.certificatesRenewed += 1;
      log.info({ notAfter: files.notAfter }, 'new connections get the new certificate');
      for (const warning of files.warnings) log.warn(warning);
    } catch (error) {
      metrics.certificatesRefused += 1;
      log.error({ err: error }, 'the new certificate cannot be used; the one before stays');
    } finally {
      this.#underWay = false;
    }
  }
}
