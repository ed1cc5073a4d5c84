import type { ConfigurationService } from '@muster/configs/configuration-service';
import type { ConfigurationValidation } from '@muster/configs/validation.postgres';
import type { Resolvers } from '../graphql/resolvers.ts';
import { parse, parseName, versionNumber } from '../http/parse.ts';
import type { ConfigurationChanges } from './configuration-changes.ts';
import {
  newConfiguration,
  newVersion,
  restoration,
  toConfigurationResource,
  toConfigurationText,
  toValidationResource,
  toVersionResource,
  validation,
  type ConfigurationResource,
} from './configuration-schemas.ts';

export function configurationResolvers(
  configurations: ConfigurationService,
  changes: ConfigurationChanges,
  validations: ConfigurationValidation,
): Resolvers {
  return {
    Query: {
      configurations: async () => (await configurations.list()).map(toConfigurationResource),
      async configuration(_parent: unknown, args: { name: string }) {
        const found = await configurations.find(parseName(args.name));
        return found && toConfigurationResource(found);
      },
    },
    Mutation: {
      async createConfiguration(_parent: unknown, args: unknown, { actor }) {
        return toConfigurationResource(await changes.create(actor, parse(newConfiguration, args)));
      },
      async createConfigurationVersion(_parent: unknown, { name, ...args }: { name: string }, { actor }) {
        const input = { name: parseName(name), ...parse(newVersion, args) };
        return toVersionResource(await changes.createVersion(actor, input));
      },
      async restoreConfigurationVersion(
        _parent: unknown,
        { name, version, ...args }: { name: string; version: number },
        { actor },
      ) {
        const input = {
          name: parseName(name),
          version: parse(versionNumber, version, 'version'),
          ...parse(restoration, args),
        };
        return toVersionResource(await changes.restore(actor, input));
      },
      async validateConfiguration(_parent: unknown, { name, ...args }: { name?: string }) {
        const input = parse(validation, args);
        const text = toConfigurationText(input) ?? { body: '', files: {}, overlays: [] };
        return toValidationResource(await validations.validate(text, { name, fleet: input.fleet }));
      },
    },
    Configuration: {
      versions: async ({ name }: ConfigurationResource) =>
        (await configurations.versions(name)).map(toVersionResource),
    },
  };
}
