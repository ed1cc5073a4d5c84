import type { Configuration, ConfigurationText, ConfigurationVersion } from '@muster/configs/configuration';
import { readConfigurationInput, type ConfigurationInput } from '@muster/configs/configuration-input';
import type { RenderedForAgent } from '@muster/configs/explanation';
import type { Finding } from '@muster/configs/text-findings';
import type { ValidationResult } from '@muster/configs/validation.postgres';
import { z } from 'zod';
import { versionNumber } from '../http/parse.ts';
import { dateTime, named, pageSchema, textMap, toDateTime } from '../http/schemas.ts';

const overlay = z.strictObject({
  selector: z
    .string()
    .max(4096)
    .optional()
    .meta({ description: 'Who it is for, over attributes and labels; left out: every agent.' }),
  file: z.string().optional().meta({ description: 'The file it is merged onto; left out: the body.' }),
  body: z.string().meta({
    description:
      'YAML: mappings are merged by key, all else is replaced; `!remove` takes a key out, `!append` adds to a list.',
  }),
});

const texts = {
  body: z.string().optional().meta({
    description: 'A Liquid template over agent, fleet, variables, labels and attributes.',
  }),
  files: textMap.optional().meta({ description: 'Further files, name → template.' }),
  overlays: z.array(overlay).optional().meta({ description: 'In the order they are merged.' }),
};
const needsText = 'must be given, unless there are files';
const hasText = (input: { body?: string | undefined; files?: Record<string, string> | undefined }): boolean =>
  input.body !== undefined || Object.keys(input.files ?? {}).length > 0;

export const newConfiguration = named(
  'NewConfiguration',
  z
    .strictObject({
      name: z.string(),
      ...texts,
      description: z.string().max(4096).optional(),
      comment: z.string().max(4096).optional().meta({ description: 'Of version 1.' }),
    })
    .refine(hasText, { path: ['body'], message: needsText }),
);

export const newVersion = named(
  'NewConfigurationVersion',
  z
    .strictObject({
      ...texts,
      comment: z.string().max(4096).optional(),
      parent: versionNumber
        .optional()
        .meta({ description: 'The version it was made from; left out: the newest.' }),
    })
    .refine(hasText, { path: ['body'], message: needsText }),
);

export const restoration = named('Restoration', z.strictObject({ comment: z.string().max(4096).optional() }));

export const diffQuery = z.strictObject({ from: versionNumber, to: versionNumber });

export const validation = named(
  'Validation',
  z.strictObject({
    ...texts,
    fleet: z.string().max(256).optional().meta({
      description:
        'Whose agents it is checked for; left out: the fleets whose stable version is of this configuration.',
    }),
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
    parent: z.int().nullable().meta({ description: 'The version it was made from.' }),
    body: z.string(),
    files: textMap,
    overlays: z.array(z.object({ selector: z.string(), file: z.string(), body: z.string() })),
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
    file: z.string().meta({ description: 'Empty: the body.' }),
    agents: z.array(z.string()).meta({ description: 'Up to 100 agents it concerns; empty: all.' }),
    agentCount: z.int().nullable().meta({ description: 'How many it concerns; null: all.' }),
  }),
);
type ProblemResource = z.infer<typeof problemResource>;

const collectorBuild = named(
  'CollectorBuild',
  z.object({
    distribution: z.string().meta({ description: "The agent's service.name." }),
    version: z.string().meta({ description: "The agent's service.version." }),
  }),
);

export const validationResource = named(
  'ValidationResult',
  z.object({
    problems: z.array(problemResource),
    checked: z
      .object({
        texts: z.int().meta({ description: 'Different texts that were looked at.' }),
        agents: z.int().meta({ description: 'Agents that would get them; 0: it was checked for itself.' }),
        collectors: z.array(collectorBuild).meta({ description: 'Real collectors that were asked.' }),
        notAsked: z.array(collectorBuild).meta({
          description:
            'Collectors that these agents run and that are not here; empty where no collectors are here at all.',
        }),
      })
      .meta({ description: 'What was looked at.' }),
  }),
);
export type ValidationResource = z.infer<typeof validationResource>;

/** What a template gave for one agent, and what it was made of. */
export const renderedMembers = {
  hash: z.string().nullable(),
  files: textMap.nullable().meta({
    description: 'File name → text; null: it cannot be rendered. With an error the agent is not given it.',
  }),
  error: z.string().nullable(),
  overlays: z.array(
    z.object({ index: z.int(), selector: z.string(), file: z.string(), applied: z.boolean() }),
  ),
  variables: z.array(z.object({ name: z.string(), value: z.string().nullable() })),
};

export const previewResource = named(
  'RenderedConfig',
  z.object({ name: z.string(), version: z.int(), ...renderedMembers }),
);
export type PreviewResource = z.infer<typeof previewResource>;

export function toVersionResource(version: ConfigurationVersion): VersionResource {
  const { name, parent, body, files, overlays, comment, createdBy } = version;
  return {
    name,
    version: version.version,
    parent,
    body,
    files: { ...files },
    overlays: [...overlays],
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

/** Agents of a finding that are listed. */
const agentsShown = 100;

export function toProblemResource(finding: Finding): ProblemResource {
  const { severity, message, path, line, column, file, agents } = finding;
  return {
    severity,
    message,
    path,
    line,
    column,
    file,
    agents: agents?.slice(0, agentsShown) ?? [],
    agentCount: agents?.length ?? null,
  };
}

export function toValidationResource({ findings, checked }: ValidationResult): ValidationResource {
  const { texts, agents, collectors, notAsked } = checked;
  return {
    problems: findings.map(toProblemResource),
    checked: { texts, agents, collectors: [...collectors], notAsked: [...notAsked] },
  };
}

/** The members of an answer that say what an agent gets. */
export function toRenderedMembers({ hash, files, error, overlays, variables }: RenderedForAgent) {
  return {
    hash,
    files: files && { ...files },
    error,
    overlays: [...overlays],
    variables: [...variables],
  };
}

/** The text that a request is about; null: it gives none. */
export function toConfigurationText(input: ConfigurationInput): ConfigurationText | null {
  const { body, files, overlays } = input;
  if (body === undefined && files === undefined && overlays === undefined) return null;
  return readConfigurationInput(input);
}
