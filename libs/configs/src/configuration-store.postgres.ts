import { sql, type Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { Tx } from '@muster/db/transaction';
import type { Configuration, ConfigurationVersion } from './configuration.ts';
import { ConfigurationExists, UnknownConfiguration } from './errors.ts';

export class ConfigurationStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async create(
    tx: Tx,
    configuration: { name: string; description: string; body: string; createdBy: string },
  ): Promise<void> {
    const { name, description, body, createdBy } = configuration;
    const row = await tx.db
      .insertInto('configurations')
      .values({ name, description, created_by: createdBy })
      .onConflict((conflict) => conflict.doNothing())
      .returning('name')
      .executeTakeFirst();
    if (!row) throw new ConfigurationExists(name);
    await tx.db
      .insertInto('configuration_versions')
      .values({ configuration: name, version: 1, body, created_by: createdBy })
      .execute();
  }

  /** Adds the next version; writers of the same configuration wait for each other. */
  async addVersion(
    tx: Tx,
    version: { name: string; body: string; comment: string; createdBy: string },
  ): Promise<ConfigurationVersion> {
    const { name, body, comment, createdBy } = version;
    const locked = await tx.db
      .selectFrom('configurations')
      .select('name')
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst();
    if (!locked) throw new UnknownConfiguration(name);
    const row = await tx.db
      .insertInto('configuration_versions')
      .values((eb) => ({
        configuration: name,
        version: eb
          .selectFrom('configuration_versions')
          .where('configuration', '=', name)
          .select(sql<number>`max(version) + 1`.as('next')),
        body,
        comment,
        created_by: createdBy,
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
            .select(['version', 'body', 'comment', 'created_at as version_at', 'created_by as version_by'])
            .whereRef('configuration_versions.configuration', '=', 'configurations.name')
            .orderBy('version', 'desc')
            .limit(1)
            .as('latest'),
        (join) => join.onTrue(),
      )
      .selectAll('configurations')
      .select(['latest.version', 'latest.body', 'latest.comment', 'latest.version_at', 'latest.version_by']);
  }
}

interface ConfigurationRow {
  name: string;
  description: string;
  created_at: Date;
  created_by: string;
  version: number;
  body: string;
  comment: string;
  version_at: Date;
  version_by: string;
}

function toConfiguration(row: ConfigurationRow): Configuration {
  const { name, version, body, comment } = row;
  const latest = { name, version, body, comment, createdAt: row.version_at, createdBy: row.version_by };
  return { name, description: row.description, createdAt: row.created_at, createdBy: row.created_by, latest };
}

function toVersion(row: {
  configuration: string;
  version: number;
  body: string;
  comment: string;
  created_at: Date;
  created_by: string;
}): ConfigurationVersion {
  return {
    name: row.configuration,
    version: row.version,
    body: row.body,
    comment: row.comment,
    createdAt: row.created_at,
    createdBy: row.created_by,
  };
}
