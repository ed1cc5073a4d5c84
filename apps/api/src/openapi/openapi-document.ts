import { z } from 'zod';
import { agentOperations } from '../agents/agent-operations.ts';
import { auditOperations } from '../audit/audit-operations.ts';
import { configurationOperations } from '../configurations/configuration-operations.ts';
import { deadLetterOperations } from '../dead-letters/dead-letter-operations.ts';
import { driftOperations } from '../drift/drift-operations.ts';
import { enrollmentTokenOperations } from '../enrollment-tokens/enrollment-token-operations.ts';
import { fleetOperations } from '../fleets/fleet-operations.ts';
import type { Operation } from '../http/operation.ts';
import { apiSchemas, named } from '../http/schemas.ts';
import { offerHoldOperations } from '../offer-hold/offer-hold-operations.ts';
import { opampEndpointOperations } from '../opamp-endpoint/opamp-endpoint.ts';
import { overviewOperations } from '../overview/overview-operations.ts';
import { quarantineOperations } from '../quarantines/quarantine-operations.ts';
import { rolloutOperations } from '../rollouts/rollout-operations.ts';
import { sessionOperations } from '../session/session-operations.ts';

/** Every call of the REST API. */
export const operations: readonly Operation[] = [
  ...agentOperations,
  ...configurationOperations,
  ...fleetOperations,
  ...rolloutOperations,
  ...quarantineOperations,
  ...driftOperations,
  ...deadLetterOperations,
  ...enrollmentTokenOperations,
  ...opampEndpointOperations,
  ...auditOperations,
  ...offerHoldOperations,
  ...overviewOperations,
  ...sessionOperations,
];

const problem = named(
  'Problem',
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: z.string().meta({ description: 'Stable; tells problems apart.' }),
      field: z.string().optional().meta({ description: 'What the problem is about.' }),
      errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
      position: z.int().optional().meta({ description: 'Where in the text of the field, from 0.' }),
      retryAfterSeconds: z.int().optional(),
      problems: z.array(z.unknown()).optional().meta({ description: 'Findings in a configuration.' }),
    })
    .meta({ description: 'RFC 9457 problem details.' }),
);

/** The REST API as an OpenAPI 3.1 document, made from the schemas that check requests. */
export function openapiDocument(): object {
  const { schemas } = z.toJSONSchema(apiSchemas, { io: 'input', uri: (id) => `#/components/schemas/${id}` });
  return {
    openapi: '3.1.0',
    info: {
      title: 'Muster',
      version: '1',
      description: 'The control plane of a fleet of OpenTelemetry collectors.',
    },
    servers: [{ url: '/api/v1' }],
    security: [{ apiKey: [] }, { session: [] }],
    paths: paths(),
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'muster_session' },
      },
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutHeader(schema)])),
    },
  };
}

function paths(): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    (paths[operation.path] ??= {})[operation.method] = describe(operation);
  }
  return paths;
}

function describe(operation: Operation): object {
  const { id, summary, tag, body, status, answer, open } = operation;
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(open && { security: [] }),
    parameters: [...pathParameters(operation.path), ...queryParameters(operation.query)],
    ...(body && {
      requestBody: {
        required: !body.safeParse({}).success,
        content: { 'application/json': { schema: reference(body) } },
      },
    }),
    responses: {
      [status]: {
        description: 'Success',
        ...(answer && { content: { 'application/json': { schema: reference(answer) } } }),
      },
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: reference(problem) } },
      },
    },
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: name === 'version' ? 'integer' : 'string' },
  }));
}

function queryParameters(query: z.ZodObject | undefined): object[] {
  return Object.entries(query?.shape ?? {}).map(([name, field]) => {
    const { description, ...schema } = withoutHeader(z.toJSONSchema(field, { io: 'output' })) as {
      description?: string;
    };
    return { name, in: 'query', required: !field.safeParse(undefined).success, description, schema };
  });
}

function reference(schema: z.ZodType): object {
  return { $ref: `#/components/schemas/${apiSchemas.get(schema)!.id}` };
}

/** A schema without the header of a document of its own. */
function withoutHeader(schema: object): object {
  const { $schema, $id, '~standard': _, ...rest } = schema as Record<string, unknown>;
  void $schema;
  void $id;
  return rest;
}
