import type { Configuration, ConfigurationVersion } from '@muster/configs/configuration';
import type { Problem } from '@muster/configs/problem';
import { z } from 'zod';
import { versionNumber } from '../http/parse.ts';
import { dateTime, named, pageSchema, textMap, toDateTime } from '../http/schemas.ts';

export const newConfiguration = named(
  'NewConfiguration',
  z.strictObject({ name: z.string(), body: z.string(), description: z.string().max(4096).optional() }),
);

export const newVersion = named(
  'NewConfigurationVersion',
  z.strictObject({ body: z.string(), comment: z.string().max(4096).optional() }),
);

export const diffQuery = z.strictObject({ from: versionNumber, to: versionNumber });

export const validation = named(
  'Validation',
  z.strictObject({
    body: z.string().optional().meta({ description: 'Text to check; left out: the newest version.' }),
  }),
);

export const preview = named(
  'Preview',
  z.strictObject({
    agent: z.string().meta({ description: "The agent's uid." }),
    version: versionNumber.optional().meta({ description: 'Left out: the newest.' }),
  }),
);

export const versionResource = named(
  'ConfigurationVersion',
  z.object({
    name: z.string(),
    version: z.int(),
    body: z.string(),
    comment: z.string(),
    createdAt: dateTime,
    createdBy: z.string(),
  }),
);
export type VersionResource = z.infer<typeof versionResource>;

export const configurationResource = named(
  'Configuration',
  z.object({
    name: z.string(),
    description: z.string(),
    version: z.int().meta({ description: 'The newest version.' }),
    latest: versionResource,
    createdAt: dateTime,
    createdBy: z.string(),
  }),
);
export type ConfigurationResource = z.infer<typeof configurationResource>;

export const configurationPage = pageSchema('ConfigurationPage', configurationResource);
export const versionPage = pageSchema('ConfigurationVersionPage', versionResource);

export const diffResource = named(
  'Diff',
  z.object({
    from: z.int(),
    to: z.int(),
    diff: z.string().meta({ description: 'Unified diff; empty: alike.' }),
  }),
);

export const problemResource = named(
  'ConfigurationProblem',
  z.object({
    severity: z.enum(['error', 'warning']),
    message: z.string(),
    path: z.string().nullable(),
    line: z.int().nullable(),
    column: z.int().nullable(),
    agents: z.array(z.string()).meta({ description: 'Agents it concerns; empty: all.' }),
  }),
);
export type ProblemResource = z.infer<typeof problemResource>;

export const validationResource = named('ValidationResult', z.object({ problems: z.array(problemResource) }));

export const previewResource = named(
  'RenderedConfig',
  z.object({
    name: z.string(),
    version: z.int(),
    hash: z.string(),
    files: textMap.meta({ description: 'File name → text.' }),
  }),
);
export type PreviewResource = z.infer<typeof previewResource>;

export function toVersionResource(version: ConfigurationVersion): VersionResource {
  const { name, body, comment, createdBy } = version;
  return {
    name,
    version: version.version,
    body,
    comment,
    createdAt: toDateTime(version.createdAt),
    createdBy,
  };
}

export function toConfigurationResource(configuration: Configuration): ConfigurationResource {
  const { name, description, latest, createdAt, createdBy } = configuration;
  return {
    name,
    description,
    version: latest.version,
    latest: toVersionResource(latest),
    createdAt: toDateTime(createdAt),
    createdBy,
  };
}

export function toProblemResource(problem: Problem): ProblemResource {
  const { severity, message, path, line, column } = problem;
  return { severity, message, path, line, column, agents: [] };
}
