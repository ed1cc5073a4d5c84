import type { Explanation, NextConfiguration } from '@muster/configs/explanation';
import { z } from 'zod';
import { renderedMembers, toRenderedMembers } from '../configurations/configuration-schemas.ts';
import { driftResource } from '../drift/drift-schemas.ts';
import { listParameters, textParameter } from '../http/parse.ts';
import { anyJson, dateTime, named, pageSchema, textMap, toDateTime } from '../http/schemas.ts';

export const agentStatus = z.enum(['connected', 'disconnected']);

export const agentQuery = z.strictObject({
  selector: textParameter.meta({ description: 'Kubernetes label selector over attributes and labels.' }),
  search: textParameter.meta({ description: 'Text in name, host name, uid, type or version.' }),
  status: z
    .preprocess((value) => (value === '' ? undefined : value), agentStatus.optional())
    .meta({ description: 'Only agents that are connected or disconnected.' }),
  fleet: textParameter.meta({ description: 'Only members of this fleet.' }),
  finding: z
    .preprocess(
      (value) => (value === '' ? undefined : value),
      z.enum(['credentials'], 'must be credentials').optional(),
    )
    .meta({ description: 'Only agents whose effective configuration held credentials.' }),
  ...listParameters,
});

export const agentPatch = named('AgentPatch', z.strictObject({ labels: textMap }));
export const agentCommand = named('AgentCommand', z.strictObject({ command: z.enum(['restart']) }));

const versionRef = named('VersionRef', z.object({ name: z.string(), version: z.int(), hash: z.string() }));

export const configurationStatus = z.enum(['none', 'offered', 'applying', 'applied', 'failed', 'deferred']);

const agentConfiguration = named(
  'AgentConfiguration',
  z.object({
    status: configurationStatus,
    current: versionRef.nullable(),
    pending: versionRef.nullable(),
    target: versionRef.nullable(),
    error: z.string().nullable(),
  }),
);

const agentFields = {
  uid: z.guid(),
  name: z.string(),
  status: agentStatus,
  healthy: z.boolean().nullable(),
  type: z.string(),
  version: z.string(),
  os: z.string(),
  arch: z.string(),
  hostname: z.string(),
  labels: textMap,
  attributes: textMap,
  capabilities: z.array(z.string()),
  transport: z.enum(['websocket', 'http']),
  fleet: z.string().nullable(),
  configuration: agentConfiguration,
  enrolledAt: dateTime,
  connectedAt: dateTime.nullable(),
  lastSeenAt: dateTime,
};

export const agentResource = named('Agent', z.object(agentFields));
export type AgentResource = z.infer<typeof agentResource>;

export const agentPage = pageSchema('AgentPage', agentResource);

const credentialFinding = named(
  'CredentialFinding',
  z.object({
    file: z.string(),
    line: z.int(),
    column: z.int(),
    kind: z.string().meta({ description: 'What it looked like: password, github-token, private-key…' }),
  }),
);

export const agentDetailResource = named(
  'AgentDetail',
  z.object({
    ...agentFields,
    identifyingAttributes: anyJson,
    nonIdentifyingAttributes: anyJson,
    health: anyJson,
    effectiveConfig: anyJson,
    findings: z
      .array(credentialFinding)
      .meta({ description: 'Credentials in the effective configuration; their values are not kept.' }),
    findingsOmitted: z.int().meta({ description: 'Credentials beyond those that are listed.' }),
    withheld: textMap.meta({
      description: 'Members that the agent reported and that are not shown (effectiveConfig…), and why.',
    }),
    drift: driftResource.nullable().meta({ description: 'Null: it is what it should be.' }),
    driftNotCompared: z
      .string()
      .nullable()
      .meta({ description: 'Why what it runs was not compared with what it was given.' }),
    components: anyJson,
    packages: anyJson,
    remoteConfigStatus: z.object({ hash: z.string(), status: z.string(), error: z.string() }).nullable(),
    connection: z
      .object({
        gateway: z.string(),
        transport: z.string(),
        remoteAddress: z.string(),
        enrollmentToken: z.string().nullable(),
      })
      .nullable(),
  }),
);
export type AgentDetailResource = z.infer<typeof agentDetailResource>;

export const explanationResource = named(
  'Explanation',
  z.object({
    fleets: z
      .array(
        z.object({
          name: z.string(),
          selector: z.string(),
          tokens: z.array(z.string()).nullable(),
          priority: z.int(),
          wins: z.boolean(),
          requirements: z
            .array(
              z.object({
                requirement: z.string(),
                value: z.string().nullable(),
                source: z.enum(['label', 'attribute', 'token']).nullable(),
                saidBy: z.string(),
              }),
            )
            .meta({ description: 'What its selector asks for, and what of the agent fulfils it.' }),
        }),
      )
      .meta({ description: 'The fleets that match, by priority, then by name.' }),
    why: z.string(),
    configuration: z
      .object({
        name: z.string(),
        version: z.int(),
        source: z.enum(['rollout', 'stable']),
        rollout: z.string().nullable(),
        ...renderedMembers,
        targetHash: z
          .string()
          .nullable()
          .meta({ description: 'Of what the agent was given; null: nothing yet.' }),
        next: z
          .object({
            name: z.string(),
            version: z.int(),
            hash: z.string().nullable(),
            files: textMap.nullable(),
            error: z.string().nullable(),
          })
          .nullable()
          .meta({ description: 'What its fleet wants it to have instead, and gives it at its pace.' }),
        quarantine: z
          .object({
            name: z.string(),
            version: z.int(),
            reason: z.string(),
            since: dateTime,
            instead: versionRef.nullable().meta({ description: 'What it is offered in place of it.' }),
          })
          .nullable()
          .meta({ description: 'The version that the agent, or its cohort, failed and is not offered.' }),
      })
      .nullable(),
  }),
);
export type ExplanationResource = z.infer<typeof explanationResource>;

export function toExplanationResource({ fleets, why, configuration }: Explanation): ExplanationResource {
  return {
    fleets: fleets.map(({ tokens, requirements, ...fleet }) => ({
      ...fleet,
      tokens: tokens && [...tokens],
      requirements: [...requirements],
    })),
    why,
    configuration: configuration && {
      name: configuration.name,
      version: configuration.version,
      source: configuration.source,
      rollout: configuration.rollout,
      ...toRenderedMembers(configuration),
      targetHash: configuration.targetHash,
      next: configuration.next && toNext(configuration.next),
      quarantine: configuration.quarantine && {
        ...configuration.quarantine,
        since: toDateTime(configuration.quarantine.since),
      },
    },
  };
}

function toNext({ name, version, hash, files, error }: NextConfiguration) {
  return { name, version, hash, files: files && { ...files }, error };
}
