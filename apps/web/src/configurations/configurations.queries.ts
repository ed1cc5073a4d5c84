import { gql } from 'urql';
import type { Problem } from '../server-error.ts';
import type { ConfigurationText } from './version-text.ts';

export interface ConfigurationVersion extends ConfigurationText {
  version: number;
  /** The version it was made from. */
  parent: number | null;
  comment: string;
  createdAt: string;
  createdBy: string;
}

export interface Configuration {
  name: string;
  description: string;
  latest: ConfigurationVersion;
  /** Newest first. */
  versions: ConfigurationVersion[];
}

/** A configuration as lists and choices show it. */
export interface ConfigurationSummary {
  name: string;
  description: string;
  createdAt: string;
  createdBy: string;
  latest: { version: number; createdAt: string; createdBy: string; comment: string };
}

export const configurationsQuery = gql<{ configurations: ConfigurationSummary[] }, Record<string, never>>(`
  query Configurations {
    configurations {
      name
      description
      createdAt
      createdBy
      latest { name version createdAt createdBy comment }
    }
  }
`);

const versionFields = 'name version parent body files overlays comment createdAt createdBy';

export const configurationQuery = gql<{ configuration: Configuration | null }, { name: string }>(`
  query Configuration($name: String!) {
    configuration(name: $name) {
      name
      description
      latest { ${versionFields} }
      versions { ${versionFields} }
    }
  }
`);

export const createConfigurationMutation = gql<
  { createConfiguration: { name: string } },
  ConfigurationText & { name: string; description: string }
>(`
  mutation CreateConfiguration(
    $name: String!
    $body: String!
    $files: JSON
    $overlays: JSON
    $description: String
  ) {
    createConfiguration(
      name: $name
      body: $body
      files: $files
      overlays: $overlays
      description: $description
    ) { name }
  }
`);

export const createVersionMutation = gql<
  { createConfigurationVersion: { name: string; version: number } },
  ConfigurationText & { name: string; comment: string; parent: number }
>(`
  mutation CreateConfigurationVersion(
    $name: String!
    $body: String!
    $files: JSON
    $overlays: JSON
    $comment: String
    $parent: Int
  ) {
    createConfigurationVersion(
      name: $name
      body: $body
      files: $files
      overlays: $overlays
      comment: $comment
      parent: $parent
    ) { name version }
  }
`);

export const restoreVersionMutation = gql<
  { restoreConfigurationVersion: { name: string; version: number } },
  { name: string; version: number }
>(`
  mutation RestoreConfigurationVersion($name: String!, $version: Int!) {
    restoreConfigurationVersion(name: $name, version: $version) { name version }
  }
`);

/** Without a fleet the agents of the fleets that run the configuration are asked. */
export interface ValidationScope {
  name: string | null;
  fleet: string | null;
}

export const validateConfigurationMutation = gql<
  { validateConfiguration: { problems: Problem[] } },
  ConfigurationText & ValidationScope
>(`
  mutation ValidateConfiguration($body: String, $files: JSON, $overlays: JSON, $name: String, $fleet: String) {
    validateConfiguration(body: $body, files: $files, overlays: $overlays, name: $name, fleet: $fleet) {
      problems {
        severity
        message
        path
        line
        column
        file
        agents
        agentCount
      }
    }
  }
`);
