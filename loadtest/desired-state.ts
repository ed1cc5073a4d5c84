/*
 * What deciding costs for a large fleet, at the level of the database, without a socket: `node
 * loadtest/desired-state.ts [--agents 100000] [--distinct 10000] [--json]`. Starts an embedded PostgreSQL of its
 * own. Seconds of wall time, but rendering: seconds of CPU of this process.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { createMemoryOfferCache } from '@muster/configs/offer-cache.memory';
import { CompiledConfiguration } from '@muster/configs/rendering';
import { wireConfigs } from '@muster/configs/wire';
import { startEmbeddedPostgres } from '@muster/db/embedded-postgres';
import { migrateToLatest } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import { transact, type Tx } from '@muster/db/transaction';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createMemoryGatewayDelivery } from '@muster/messages/gateway-delivery.memory';
import { silentLog } from '@muster/platform/log';
import type { BatchQueue } from '@muster/rollouts/batch-queue';
import { wireRollouts } from '@muster/rollouts/wire';
import { sql } from 'kysely';

const { values: given } = parseArgs({
  options: {
    agents: { type: 'string', default: '100000' },
    distinct: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});
const agents = Number(given.agents);
const distinct = Number(given.distinct);
const acceptsAndReports = 0x1803;
const figures: Record<string, number> = {};

/** Nobody calls back here: each look is made, and timed, by hand. */
const noClock: BatchQueue = {
  schedule: () => Promise.resolve(),
  work: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

const dataDir = mkdtempSync(join(tmpdir(), 'muster-desired-state-'));
const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
const db = openDatabase({ url: server.url, maxConnections: 4 });
const bus = createMemoryEventBus();
try {
  await migrateToLatest(db);
  await decide();
  renderDistinct();
} finally {
  await bus.close();
  await db.destroy();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
report();

async function decide(): Promise<void> {
  const configs = wireConfigs({
    db,
    bus,
    presence: createMemoryPresence(),
    offerCache: createMemoryOfferCache(),
    delivery: createMemoryGatewayDelivery(),
    log: silentLog,
  });
  const { rollouts, engine } = wireRollouts({ db, configs, queue: noClock, log: silentLog });
  const inTransaction = <T>(work: (tx: Tx) => Promise<T>) => transact(db, work);
  await seed();
  await inTransaction((tx) =>
    configs.configurations.create(tx, 'bench', { name: 'plain', body: bodyOf('fixed') }),
  );
  await inTransaction((tx) =>
    configs.configurations.create(tx, 'bench', { name: 'template', body: bodyOf('{{ labels.region }}') }),
  );
  const put = (selector: string) =>
    inTransaction((tx) => configs.fleets.put(tx, 'bench', { name: 'edge', selector }));
  await timed('a fleet takes all agents', () => put('env=prod'));
  await timed('its selector changes for half of them', () => put('env=prod,half=a'));
  await put('env=prod');
  await timed('the same selector again', () => put('env=prod'));
  const policy = { waves: ['10', '1%', '100%'], soakSeconds: 0, perSecond: null };
  const start = (configuration: string) =>
    inTransaction((tx) => rollouts.start(tx, 'bench', { fleet: 'edge', configuration, version: 1, policy }));
  await timed('planning, one text for all', () => start('plain'));
  const { id } = await timed('planning, a text for each of 10 regions', () => start('template'));
  await timed('a look that offers a wave of 10', () => engine.advance(id));
  await timed('a look at a wave of 10 that waits', () => engine.advance(id));
  await answer(id);
  await timed('a look that passes to and offers the wave of 1 %', () => engine.advance(id));
  await timed('a look at a wave of 1 % that waits', () => engine.advance(id));
}

/** Agents of six cohorts in ten regions, as inventory writes them. */
async function seed(): Promise<void> {
  await sql`
    insert into agents (uid, name, type, version, os, arch, attributes, labels)
    select md5(n::text)::uuid, 'host-' || n, 'otelcol', '0.14' || n % 3, (array['linux','windows'])[1 + n % 2], 'amd64',
      jsonb_build_object('host.name', 'host-' || n, 'service.version', '0.14' || n % 3, 'os.description', repeat('x', 300)),
      jsonb_build_object('env', 'prod', 'region', 'r' || n % 10, 'half', (array['a','b'])[1 + n % 2])
    from generate_series(1, ${agents}) n`.execute(db);
  await sql`
    insert into agent_states (uid, capabilities, connected)
    select uid, ${acceptsAndReports}, true from agents`.execute(db);
  await sql`vacuum analyze agents, agent_states`.execute(db);
}

/** Everybody who was offered something says that it is applied. */
async function answer(id: string): Promise<void> {
  await sql`
    update agent_states s set remote_config_hash = c.target_hash, remote_config_status = 1,
      applied_config_hash = c.target_hash
    from agent_configurations c where c.uid = s.uid and c.rollout_id = ${id}`.execute(db);
}

function renderDistinct(): void {
  const overlays = [
    { selector: 'os.type=linux', file: '', body: 'processors: {memory_limiter: {limit_mib: 512}}\n' },
  ];
  const compiled = new CompiledConfiguration({
    body: bodyOf("{{ attributes['host.name'] }}"),
    files: {},
    overlays,
  });
  const before = process.cpuUsage();
  for (let n = 0; n < distinct; n++) {
    const attributes = { 'host.name': `host-${n}` };
    compiled.render({ agent: {}, fleet: {}, variables: {}, labels: {}, attributes }, [0]);
  }
  const { user, system } = process.cpuUsage(before);
  figures[`${distinct} different texts of 8 KiB with an overlay, CPU`] = (user + system) / 1e6;
}

/** About 8 KiB of a collector's configuration, in which `value` stands once. */
function bodyOf(value: string): string {
  const exporters = Array.from(
    { length: 60 },
    (_, n) =>
      `  otlp/${n}:\n    endpoint: gateway-${n}.example.com:4317\n    sending_queue: {queue_size: ${1000 + n}}\n    timeout: 10s`,
  );
  const names = exporters.map((_, n) => `otlp/${n}`).join(', ');
  return `receivers:
  otlp:
    protocols: {grpc: {endpoint: 0.0.0.0:4317}}
processors:
  resource: {attributes: [{key: host.name, value: "${value}", action: upsert}]}
exporters:
${exporters.join('\n')}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [resource], exporters: [${names}]}
`;
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  figures[name] = (performance.now() - started) / 1000;
  return result;
}

function report(): void {
  if (given.json) {
    process.stdout.write(`${JSON.stringify({ agents, figures })}\n`);
    return;
  }
  process.stdout.write(`${agents} agents, seconds\n`);
  for (const [name, seconds] of Object.entries(figures)) {
    process.stdout.write(`${seconds.toFixed(3).padStart(9)}  ${name}\n`);
  }
}
