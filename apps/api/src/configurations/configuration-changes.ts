import type { Kysely } from 'kysely';
import type { Actor } from '@muster/access/actor';
import type { Audit } from '@muster/access/audit.postgres';
import type { Configuration, ConfigurationVersion } from '@muster/configs/configuration';
import type { ConfigurationInput } from '@muster/configs/configuration-input';
import type { ConfigurationService } from '@muster/configs/configuration-service';
import type { Database } from '@muster/db/schema';
import { transact } from '@muster/db/transaction';

/** What people do to configurations. Each change is in the audit log before it takes effect. */
export class ConfigurationChanges {
  readonly #db: Kysely<Database>;
  readonly #audit: Audit;
  readonly #configurations: ConfigurationService;

  constructor(deps: { db: Kysely<Database>; audit: Audit; configurations: ConfigurationService }) {
    this.#db = deps.db;
    this.#audit = deps.audit;
    this.#configurations = deps.configurations;
  }

  async create(
    actor: Actor,
    input: ConfigurationInput & {
      name: string;
      description?: string | undefined;
      comment?: string | undefined;
    },
  ): Promise<Configuration> {
    return transact(this.#db, async (tx) => {
      await this.#audit.record(tx, {
        actor,
        action: 'configurations.create',
        resource: `configuration/${input.name}`,
        detail: { version: 1, comment: input.comment ?? '' },
      });
      return this.#configurations.create(tx, actor, input);
    });
  }

  async createVersion(
    actor: Actor,
    input: ConfigurationInput & {
      name: string;
      comment?: string | undefined;
      parent?: number | undefined;
    },
  ): Promise<ConfigurationVersion> {
    return transact(this.#db, async (tx) => {
      await this.#audit.record(tx, {
        actor,
        action: 'configurations.create-version',
        resource: `configuration/${input.name}`,
        detail: { comment: input.comment ?? '' },
      });
      return this.#configurations.createVersion(tx, actor, input);
    });
  }

  /** A new version with the text of an older one. */
  async restore(
    actor: Actor,
    input: { name: string; version: number; comment?: string | undefined },
  ): Promise<ConfigurationVersion> {
    return transact(this.#db, async (tx) => {
      await this.#audit.record(tx, {
        actor,
        action: 'configurations.restore-version',
        resource: `configuration/${input.name}`,
        detail: { version: input.version, comment: input.comment ?? '' },
      });
      return this.#configurations.restore(tx, actor, input);
    });
  }
}
