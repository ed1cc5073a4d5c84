import type { Tx } from '@muster/db/transaction';
import type { Announcer } from './announcer.ts';
import {
  checkSizes,
  refuseCredentials,
  sizeOfInput,
  type ConfigurationInput,
} from './configuration-input.ts';
import { textPlace, type Configuration, type ConfigurationVersion } from './configuration.ts';
import type { ConfigurationStore, NewVersion } from './configuration-store.postgres.ts';
import { UnknownConfiguration, UnknownConfigurationVersion } from './errors.ts';
import { checkName } from './names.ts';
import { sizeOf, textWork, type TextWork } from './text-work.ts';

/** Configurations and their versions. A new version changes nothing on any agent: rollouts do. */
export class ConfigurationService {
  readonly #store: ConfigurationStore;
  readonly #announcer: Announcer;
  readonly #work: TextWork;

  constructor(store: ConfigurationStore, announcer: Announcer, work: TextWork = textWork) {
    this.#store = store;
    this.#announcer = announcer;
    this.#work = work;
  }

  /**
   * Makes a configuration with version 1. Throws `InvalidName`, `InvalidConfiguration`, `InvalidTemplate`,
   * `InvalidOverlay`, `ConfigurationExists`.
   */
  async create(
    tx: Tx,
    actor: string,
    input: ConfigurationInput & {
      name: string;
      description?: string | undefined;
      comment?: string | undefined;
    },
  ): Promise<Configuration> {
    checkName(input.name);
    const { name, description = '', comment = '' } = input;
    refuseCredentials('description', description);
    refuseCredentials('comment', comment);
    await this.#store.create(tx, { ...(await this.#newVersion(input, actor)), name, description, comment });
    this.#announceAfterCommit(tx, name);
    return (await this.#store.find(name, tx.db))!;
  }

  /**
   * Makes the next version. `parent` is the version it was made from, by default the newest. Throws what
   * `create` does, `UnknownConfiguration`, `UnknownConfigurationVersion`.
   */
  async createVersion(
    tx: Tx,
    actor: string,
    input: ConfigurationInput & {
      name: string;
      comment?: string | undefined;
      parent?: number | undefined;
    },
  ): Promise<ConfigurationVersion> {
    const { name, comment = '', parent } = input;
    refuseCredentials('comment', comment);
    const text = await this.#newVersion(input, actor);
    const version = await this.#store.addVersion(tx, { ...text, name, comment, parent });
    this.#announceAfterCommit(tx, name);
    return version;
  }

  /** Makes a new version with the text of an older one. Throws `UnknownConfiguration`, `UnknownConfigurationVersion`. */
  async restore(
    tx: Tx,
    actor: string,
    input: { name: string; version: number; comment?: string | undefined },
  ): Promise<ConfigurationVersion> {
    const { name, version: parent, comment = `version ${input.version} again` } = input;
    const { body, files, overlays } = await this.version(name, parent);
    return this.createVersion(tx, actor, { name, comment, parent, body, files, overlays });
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
    const [old, now] = [partsOf(before), partsOf(after)];
    const label = (version: number, part: string) =>
      `${name} v${version}${part === 'body' ? '' : ` ${part}`}`;
    const parts = [...new Set([...old.keys(), ...now.keys()])].map((part) => ({
      beforeName: label(from, part),
      before: old.get(part) ?? null,
      afterName: label(to, part),
      after: now.get(part) ?? null,
    }));
    const size = sizeOf(Object.fromEntries(old)) + sizeOf(Object.fromEntries(now));
    return this.#work.run('diff', parts, size, 'compared');
  }

  async #newVersion(input: ConfigurationInput, createdBy: string): Promise<NewVersion> {
    checkSizes(input);
    const { body, files, overlays } = input;
    const size = sizeOfInput(input);
    return { ...(await this.#work.run('read', { body, files, overlays }, size, 'checked')), createdBy };
  }

  #announceAfterCommit(tx: Tx, name: string): void {
    tx.afterCommit(() => this.#announcer.announce('configurations.changed', { name }));
  }
}

/** All of a version's texts by the name people know them by. */
function partsOf({ body, files, overlays }: ConfigurationVersion): Map<string, string> {
  return new Map([
    ['body', body],
    ...Object.entries(files).map(([name, text]) => [textPlace(name), text] as const),
    ...overlays.map(
      (overlay, index) =>
        [
          `overlays[${index}]`,
          `# for ${overlay.selector || 'every agent'}, onto ${textPlace(overlay.file)}\n${overlay.body}`,
        ] as const,
    ),
  ]);
}

/** Fits the column: other numbers name no version. */
function isVersionNumber(version: number): boolean {
  return Number.isInteger(version) && version > 0 && version < 2 ** 31;
}
