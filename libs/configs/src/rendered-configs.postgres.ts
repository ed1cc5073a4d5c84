import type { Tx } from '@muster/db/transaction';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import { UnknownConfigurationVersion } from './errors.ts';
import { renderConfiguration, type RenderedConfig } from './rendering.ts';

const maxRemembered = 200;

/** Renders versions, once each, and keeps the result by its hash. */
export class RenderedConfigs {
  readonly #configurations: ConfigurationStore;
  /** Versions never change, so what was rendered once stays true. */
  readonly #rendered = new Map<string, RenderedConfig>();

  constructor(configurations: ConfigurationStore) {
    this.#configurations = configurations;
  }

  /** The hash of the rendered version, which is stored when `tx` commits. Throws `UnknownConfigurationVersion`. */
  async store(tx: Tx, name: string, version: number): Promise<string> {
    const { hash, remoteConfig, files } = await this.#render(tx, name, version);
    await tx.db
      .insertInto('rendered_configs')
      .values({
        hash: Buffer.from(hash, 'hex'),
        remote_config: Buffer.from(remoteConfig),
        files: JSON.stringify(files),
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await tx.db
      .insertInto('rendered_versions')
      .values({ hash: Buffer.from(hash, 'hex'), configuration: name, version })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return hash;
  }

  async #render(tx: Tx, name: string, version: number): Promise<RenderedConfig> {
    const key = `${name}/${version}`;
    const known = this.#rendered.get(key);
    if (known) return known;
    const found = await this.#configurations.version(name, version, tx.db);
    if (!found) throw new UnknownConfigurationVersion(name, version);
    const rendered = renderConfiguration(found);
    if (this.#rendered.size >= maxRemembered) this.#rendered.clear();
    this.#rendered.set(key, rendered);
    return rendered;
  }
}
