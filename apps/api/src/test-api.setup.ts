import { randomUUID } from 'node:crypto';
import { wireAccess } from '@muster/access/wire';
import type { AgentId } from '@muster/agents/agent-id';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { foldReports } from '@muster/agents/report-folding';
import { ReportStore } from '@muster/agents/report-store.postgres';
import { testReport } from '@muster/agents/test-report.setup';
import { createMemoryOfferCache } from '@muster/configs/offer-cache.memory';
import { createTestDatabase } from '@muster/db/test-database.postgres';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createMemoryGatewayDelivery } from '@muster/messages/gateway-delivery.memory';
import type { AgentToServerFields } from '@muster/opamp/opamp';
import { silentLog } from '@muster/platform/log';
import { createMemoryBatchQueue } from '@muster/rollouts/batch-queue.memory';
import { operations } from './openapi/openapi-document.ts';
import { startApi, type ApiDeps } from './start.ts';

export interface Answer {
  status: number;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any;
}

export interface CallOptions {
  method?: string;
  /** Sent as JSON; text as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Without it: the admin key. Null: none. */
  key?: string | null;
}

export type TestApi = Awaited<ReturnType<typeof startTestApi>>;

/** The whole API on a database of its own and in-process ports, listening on a free port. */
export async function startTestApi(
  settings: Partial<ApiDeps['settings']> = {},
  options: Pick<ApiDeps, 'recheckMs'> = {},
) {
  const database = await createTestDatabase();
  const { db } = database;
  const bus = createMemoryEventBus({ log: silentLog });
  const presence = createMemoryPresence();
  const queue = createMemoryBatchQueue({ log: silentLog });
  const deps: ApiDeps = {
    settings: {
      host: '127.0.0.1',
      port: 0,
      webRoot: null,
      maxBodyBytes: 100_000,
      secureCookies: false,
      opamp: { publicUrl: null, port: 14320, tls: false },
      trustedProxies: [],
      wrongCredentialsPerMinute: 1_000,
      ...settings,
    },
    db,
    bus,
    presence,
    offerCache: createMemoryOfferCache(),
    delivery: createMemoryGatewayDelivery(),
    queue,
    checks: [
      {
        name: 'database',
        check: () =>
          db
            .selectFrom('fleets')
            .select('name')
            .limit(1)
            .execute()
            .then(
              () => null,
              () => 'PostgreSQL does not answer',
            ),
      },
      { name: 'bus', check: () => bus.check(), optional: true },
    ],
    log: silentLog,
    ...options,
  };
  const { access, audit } = wireAccess({ db, bus });
  const key = (await access.ensureAdminKey()).token!;
  const api = await startApi(deps);
  const reports = new ReportStore(db, silentLog);

  let stopped: Promise<void> | undefined;
  const stopServer = () => (stopped ??= api.stop());

  async function call(path: string, options: CallOptions = {}): Promise<Answer> {
    const { body, method = body === undefined ? 'GET' : 'POST', headers = {}, key: given = key } = options;
    const response = await fetch(`${api.url}${path}`, {
      method,
      headers: {
        ...(given !== null && { authorization: `Bearer ${given}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    const { status, headers: answered } = response;
    const answer = { status, headers: answered, body: isJson ? JSON.parse(text) : text };
    checkAgainstContract(method, path, answer);
    return answer;
  }

  return {
    ...deps,
    url: api.url,
    key,
    access,
    audit,
    call,
    async graphql(query: string, variables: Record<string, unknown> = {}): Promise<Answer['body']> {
      return (await call('/graphql', { body: { query, variables } })).body;
    },
    /** Stores what an agent says, as inventory does, and tells the bus. */
    async report(
      uid: AgentId,
      say: AgentToServerFields,
      options: { disconnected?: boolean; enrollmentTokenId?: string } = {},
    ): Promise<void> {
      const report = testReport(uid, {
        epoch: 1,
        sequenceNum: ++sequenceNum,
        receivedAt: Date.now(),
        say,
        connected: !options.disconnected,
        disconnected: options.disconnected ?? false,
        ...(options.enrollmentTokenId && { enrollmentTokenId: options.enrollmentTokenId }),
      });
      const agents = await reports.write(
        (await foldReports([{ gateway: 'gateway-1', reports: [report] }])).agents,
      );
      await bus.publish('agents.changed', { agents });
    },
    /** Stops the server alone. */
    stopServer,
    async stop() {
      await stopServer();
      await queue.close();
      await bus.close();
      await database.drop();
    },
  };
}

let sequenceNum = 0;

export function newUid(): AgentId {
  return randomUUID() as AgentId;
}

/** What a collector says of itself. */
export function described(name: string, attributes: Record<string, string> = {}): AgentToServerFields {
  const keyValues = (values: Record<string, string>) =>
    Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  return {
    capabilities: 0x1807,
    agentDescription: {
      identifyingAttributes: keyValues({ 'service.name': 'otelcol', 'service.version': '0.149.0' }),
      nonIdentifyingAttributes: keyValues({
        'host.name': name,
        'os.type': 'linux',
        'host.arch': 'amd64',
        ...attributes,
      }),
    },
    health: { healthy: true, status: 'StatusOK' },
    effectiveConfig: { configMap: { configMap: { '': { body: Buffer.from('receivers: {}\n') } } } },
  };
}

/** Every answer of a call in the OpenAPI document has the shape that document tells. */
function checkAgainstContract(method: string, path: string, { status, body }: Answer): void {
  const operation = operations.find(
    (each) =>
      each.method === method.toLowerCase() &&
      each.status === status &&
      new RegExp(`^/api/v1${each.path.replaceAll(/\{\w+\}/g, '[^/?]+')}(\\?|$)`).test(path),
  );
  if (operation?.answer) operation.answer.parse(body);
}
