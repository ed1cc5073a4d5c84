import { sql, type Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import type { Configuration, ConfigurationText, ConfigurationVersion } from './configuration.ts';
import { ConfigurationExists, UnknownConfiguration, UnknownConfigurationVersion } from './errors.ts';

/** A text that is to become a version. */
export interface NewVersion extends ConfigurationText {
  /** Do agents get different bytes of it? */
  readonly perAgent: boolean;
  readonly createdBy: string;
}

export class ConfigurationStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async create(
    tx: Tx,
    configuration: NewVersion & { name: string; description: string; comment: string },
  ): Promise<void> {
    const { name, description, comment, createdBy } = configuration;
    const row = await tx.db
      .insertInto('configurations')
      .values({ name, description, created_by: createdBy })
      .onConflict((conflict) => conflict.doNothing())
      .returning('name')
      .executeTakeFirst();
    if (!row) throw new ConfigurationExists(name);
    await tx.db
      .insertInto('configuration_versions')
      .values({ configuration: name, version: 1, parent: null, comment, ...textColumns(configuration) })
      .execute();
  }

  /**
   * Adds the next version; writers of the same configuration wait for each other. `parent`: undefined means
   * the newest there is. Throws `UnknownConfiguration`, `UnknownConfigurationVersion`.
   */
  async addVersion(
    tx: Tx,
    version: NewVersion & { name: string; comment: string; parent: number | undefined },
  ): Promise<ConfigurationVersion> {
    const { name, comment, parent } = version;
    const locked = await tx.db
      .selectFrom('configurations')
      .select('name')
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst();
    if (!locked) throw new UnknownConfiguration(name);
    if (parent !== undefined && !(await this.version(name, parent, tx.db))) {
      throw new UnknownConfigurationVersion(name, parent);
    }
    const row = await tx.db
      .insertInto('configuration_versions')
      .values((eb) => ({
        configuration: name,
        version: eb
          .selectFrom('configuration_versions')
          .where('configuration', '=', name)
          .select(sql<number>`max(version) + 1`.as('next')),
        parent:
          parent ??
          eb
            .selectFrom('configuration_versions')
            .where('configuration', '=', name)
            .select(sql<number>`max(version)`.as('newest')),
        ...textColumns(version),
        comment,
      }))
      .returningAll()
      .executeTakeFirstOrThrow();
    return toVersion(row);
  }

  /** All configurations by name, each with its latest version. */
  async list(): Promise<Configuration[]> {
    return (await this.#withLatest(this.#db).orderBy('configurations.name').execute()).map(toConfiguration);
  }

  async find(name: string, db: Kysely<Database> = this.#db): Promise<Configuration | null> {
    const row = await this.#withLatest(db).where('configurations.name', '=', name).executeTakeFirst();
    return row ? toConfiguration(row) : null;
  }

  /** Newest first. */
  async versions(name: string): Promise<ConfigurationVersion[]> {
    const rows = await this.#db
      .selectFrom('configuration_versions')
      .selectAll()
      .where('configuration', '=', name)
      .orderBy('version', 'desc')
      .execute();
    return rows.map(toVersion);
  }

  async version(
    name: string,
    version: number,
    db: Kysely<Database> = this.#db,
  ): Promise<ConfigurationVersion | null> {
    const row = await db
      .selectFrom('configuration_versions')
      .selectAll()
      .where('configuration', '=', name)
      .where('version', '=', version)
      .executeTakeFirst();
    return row ? toVersion(row) : null;
  }

  #withLatest(db: Kysely<Database>) {
    return db
      .selectFrom('configurations')
      .innerJoinLateral(
        (eb) =>
          eb
            .selectFrom('configuration_versions')
            .select([...versionColumns, 'created_at as version_at', 'created_by as version_by'])
            .whereRef('configuration_versions.configuration', '=', 'configurations.name')
            .orderBy('version', 'desc')
            .limit(1)
            .as('latest'),
        (join) => join.onTrue(),
      )
      .selectAll('configurations')
      .select([
        'latest.version',
        'latest.parent',
        'latest.body',
        'latest.files',
        'latest.overlays',
        'latest.comment',
        'latest.version_at',
        'latest.version_by',
      ]);
  }
}

const versionColumns = ['version', 'parent', 'body', 'files', 'overlays', 'comment'] as const;

interface VersionRow extends ConfigurationText {
  version: number;
  parent: number | null;
  comment: string;
}

function toConfiguration(
  row: VersionRow & {
    name: string;
    description: string;
    created_at: Date;
    created_by: string;
    version_at: Date;
    version_by: string;
  },
): Configuration {
  const { name, description, created_at: createdAt, created_by: createdBy } = row;
  const latest = toVersion({
    ...row,
    configuration: name,
    created_at: row.version_at,
    created_by: row.version_by,
  });
  return { name, description, createdAt, createdBy, latest };
}

function toVersion(
  row: VersionRow & { configuration: string; created_at: Date; created_by: string },
): ConfigurationVersion {
  const { version, parent, body, files, overlays, comment } = row;
  return {
    name: row.configuration,
    version,
    parent,
    body,
    files,
    overlays,
    comment,
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}

function textColumns({ body, files, overlays, perAgent, createdBy }: NewVersion) {
  return {
    body,
    files: JSON.stringify(files),
    overlays: JSON.stringify(overlays),
    per_agent: perAgent,
    created_by: createdBy,
  };
}
