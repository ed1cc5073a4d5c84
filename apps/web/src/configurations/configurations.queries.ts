import { gql } from 'urql';
import type { Problem } from '../server-error.ts';

export interface ConfigurationVersion {
  version: number;
  body: string;
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

export const configurationQuery = gql<{ configuration: Configuration | null }, { name: string }>(`
  query Configuration($name: String!) {
    configuration(name: $name) {
      name
      description
      latest { name version body comment createdAt createdBy }
      versions { name version body comment createdAt createdBy }
    }
  }
`);

export const createConfigurationMutation = gql<
  { createConfiguration: { name: string } },
  { name: string; body: string; description: string }
>(`
  mutation CreateConfiguration($name: String!, $body: String!, $description: String) {
    createConfiguration(name: $name, body: $body, description: $description) { name }
  }
`);

export const createVersionMutation = gql<
  { createConfigurationVersion: { name: string; version: number } },
  { name: string; body: string; comment: string }
>(`
  mutation CreateConfigurationVersion($name: String!, $body: String!, $comment: String) {
    createConfigurationVersion(name: $name, body: $body, comment: $comment) { name version }
  }
`);

export const validateConfigurationMutation = gql<{ validateConfiguration: Problem[] }, { body: string }>(`
  mutation ValidateConfiguration($body: String!) {
    validateConfiguration(body: $body) { severity message path line column }
  }
`);
