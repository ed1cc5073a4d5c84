import type { Tx } from '@muster/db/transaction';
import type { Announcer } from './announcer.ts';
import type { Configuration, ConfigurationVersion } from './configuration.ts';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import { InvalidConfiguration, UnknownConfiguration, UnknownConfigurationVersion } from './errors.ts';
import { checkName } from './names.ts';
import { hasErrors } from './problem.ts';
import { unifiedDiff } from './unified-diff.ts';
import { validateConfiguration } from './validate.ts';

/** Configurations and their versions. A new version changes nothing on any agent: rollouts do. */
export class ConfigurationService {
  readonly #store: ConfigurationStore;
  readonly #announcer: Announcer;

  constructor(store: ConfigurationStore, announcer: Announcer) {
    this.#store = store;
    this.#announcer = announcer;
  }

  /** Makes a configuration with version 1. Throws `InvalidName`, `InvalidConfiguration`, `ConfigurationExists`. */
  async create(
    tx: Tx,
    actor: string,
    input: { name: string; body: string; description?: string | undefined },
  ): Promise<Configuration> {
    checkName(input.name);
    refuseErrors(input.body);
    const { name, body, description = '' } = input;
    await this.#store.create(tx, { name, body, description, createdBy: actor });
    this.#announceAfterCommit(tx, name);
    return (await this.#store.find(name, tx.db))!;
  }

  /** Makes the next version. Throws `InvalidConfiguration`, `UnknownConfiguration`. */
  async createVersion(
    tx: Tx,
    actor: string,
    input: { name: string; body: string; comment?: string | undefined },
  ): Promise<ConfigurationVersion> {
    refuseErrors(input.body);
    const { name, body, comment = '' } = input;
    const version = await this.#store.addVersion(tx, { name, body, comment, createdBy: actor });
    this.#announceAfterCommit(tx, name);
    return version;
  }

  /** All configurations by name. */
  list(): Promise<Configuration[]> {
    return this.#store.list();
  }

  find(name: string): Promise<Configuration | null> {
    return this.#store.find(name);
  }

  /** Newest first. Throws `UnknownConfiguration`. */
  async versions(name: string): Promise<ConfigurationVersion[]> {
    const versions = await this.#store.versions(name);
    if (versions.length === 0) throw new UnknownConfiguration(name);
    return versions;
  }

  /** Throws `UnknownConfiguration`, `UnknownConfigurationVersion`. */
  async version(name: string, version: number): Promise<ConfigurationVersion> {
    const found = isVersionNumber(version) ? await this.#store.version(name, version) : null;
    if (found) return found;
    if (!(await this.#store.find(name))) throw new UnknownConfiguration(name);
    throw new UnknownConfigurationVersion(name, version);
  }

  /** What changes from one version to the other, as unified diff text; empty when nothing does. */
  async diff(name: string, from: number, to: number): Promise<string> {
    const [before, after] = await Promise.all([this.version(name, from), this.version(name, to)]);
    return unifiedDiff(`${name} v${from}`, before.body, `${name} v${to}`, after.body);
  }

  #announceAfterCommit(tx: Tx, name: string): void {
    tx.afterCommit(() => this.#announcer.announce('configurations.changed', { name }));
  }
}

function refuseErrors(body: string): void {
  const problems = validateConfiguration(body);
  if (hasErrors(problems)) throw new InvalidConfiguration(problems);
}

/** Fits the column: other numbers name no version. */
function isVersionNumber(version: number): boolean {
  return Number.isInteger(version) && version > 0 && version < 2 ** 31;
}
