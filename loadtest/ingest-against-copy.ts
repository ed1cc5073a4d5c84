/*
 * What taking reports off the bus costs against a COPY of the same rows into the same tables with their
 * indexes: `node loadtest/ingest-against-copy.ts [--agents 20000] [--rounds 3] [--config-bytes 2048]
 * [--configs 20] [--json]`. Starts an embedded PostgreSQL of its own. The rounds take turns; the medians
 * are compared. Both ends of COPY are inside PostgreSQL (from a file), so nothing is sent to it: a client
 * of it can only be slower.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AgentRenames } from '@muster/agents/agent-renames.postgres';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { ReportIntake } from '@muster/agents/report-intake';
import { ReportStore } from '@muster/agents/report-store.postgres';
import { startEmbeddedPostgres } from '@muster/db/embedded-postgres';
import { migrateToLatest } from '@muster/db/migrate.postgres';
import { openDatabase } from '@muster/db/pool.postgres';
import type { EventBus } from '@muster/messages/event-bus';
import type { Report } from '@muster/messages/report-frame';
import { decodeReportFrame, encodeReportFrame } from '@muster/messages/report-frame.codec';
import { AgentToServer, type AgentToServerFields } from '@muster/opamp/opamp';
import { silentLog } from '@muster/platform/log';
import { sql } from 'kysely';

const { values: given } = parseArgs({
  options: {
    agents: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    'config-bytes': { type: 'string', default: '2048' },
    configs: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
  },
});
const agents = Number(given.agents);
const rounds = Number(given.rounds);
/** A gateway's frame of 64 KiB, and how many inventory takes at once. */
const frameBytes = 64 * 1024;
const framesAtOnce = 64;
const tables = ['agents', 'agent_states', 'report_contents'] as const;

interface Cost {
  /** Seconds. */
  wall: number;
  /** Seconds of CPU, ours and PostgreSQL's. */
  cpu: number;
  postgres: number;
}

const dataDir = mkdtempSync(join(tmpdir(), 'muster-ingest-'));
const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
const db = openDatabase({ url: server.url, maxConnections: 8 });
try {
  await run();
} finally {
  await db.destroy();
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function run(): Promise<void> {
  await migrateToLatest(db);
  const full = frames((agent) => fullState(agent), 1, true);
  const status = frames((agent) => statusOnly(agent), 2, false);
  const intake = new ReportIntake({
    store: new ReportStore(db, silentLog),
    renames: new AgentRenames(db, createMemoryPresence()),
    bus: silentBus(),
    log: silentLog,
  });
  const costs: Record<'ingest' | 'copy' | 'again' | 'status', Cost[]> = {
    ingest: [],
    copy: [],
    again: [],
    status: [],
  };
  // Round 0 warms up both and leaves the files to copy from.
  for (let round = 0; round <= rounds; round++) {
    const keep = (kind: keyof typeof costs, cost: Cost) => round > 0 && costs[kind].push(cost);
    await empty();
    keep('ingest', await measured(() => take(intake, full)));
    await expectRows(agents);
    if (round === 0) for (const table of tables) await copyOut(table);
    keep('status', await measured(() => take(intake, status)));
    keep('again', await measured(() => take(intake, full)));
    await empty();
    keep('copy', await measured(() => copyAll()));
    await expectRows(agents);
  }
  print(costs);
}

function print(costs: Record<string, Cost[]>): void {
  const medians = Object.entries(costs).map(([kind, list]) => ({
    kind,
    rowsPerSecond: agents / median(list.map(({ wall }) => wall)),
    cpuMicros: (median(list.map(({ cpu }) => cpu)) * 1e6) / agents,
    postgresMicros: (median(list.map(({ postgres }) => postgres)) * 1e6) / agents,
  }));
  const copy = medians.find(({ kind }) => kind === 'copy')!;
  const ingest = medians.find(({ kind }) => kind === 'ingest')!;
  const ratio = ingest.rowsPerSecond / copy.rowsPerSecond;
  if (given.json) return write(JSON.stringify({ agents, rounds, medians, ratio }));
  for (const { kind, rowsPerSecond, cpuMicros, postgresMicros } of medians) {
    const figures = [rowsPerSecond.toFixed(0), cpuMicros.toFixed(1), postgresMicros.toFixed(1)];
    write(`${kind.padEnd(8)} ${figures[0]} agents/s, ${figures[1]} µs CPU each (PostgreSQL ${figures[2]})`);
  }
  write(`ingest is ${ratio.toFixed(2)} of COPY (goal 0.6)`);
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function take(intake: ReportIntake, encoded: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < encoded.length; at += framesAtOnce) {
    await intake.take(encoded.slice(at, at + framesAtOnce).map(decodeReportFrame));
  }
}

async function measured(work: () => Promise<void>): Promise<Cost> {
  await sql`checkpoint`.execute(db);
  const began = { wall: performance.now(), own: process.cpuUsage(), postgres: postgresCpu() };
  await work();
  const own = process.cpuUsage(began.own);
  const postgres = postgresCpu() - began.postgres;
  return {
    wall: (performance.now() - began.wall) / 1e3,
    cpu: (own.user + own.system) / 1e6 + postgres,
    postgres,
  };
}

/** Seconds of CPU that the server's processes have used; connections stay open, so none is missing. */
function postgresCpu(): number {
  const [postmaster] = readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n');
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (pid === postmaster || fields[1] === postmaster) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return ticks / 100;
}

async function empty(): Promise<void> {
  await sql`truncate agents, agent_states, report_contents, config_failures`.execute(db);
}

async function expectRows(expected: number): Promise<void> {
  const { rows } = await sql<{ agents: string; states: string }>`
    select (select count(*) from agents) as agents, (select count(*) from agent_states) as states`.execute(
    db,
  );
  if (Number(rows[0]!.agents) !== expected || Number(rows[0]!.states) !== expected) {
    throw new Error(`expected ${expected} agents: ${JSON.stringify(rows[0])}`);
  }
}

async function columnsOf(table: string): Promise<string> {
  const { rows } = await sql<{ names: string }>`
    select string_agg(quote_ident(attname), ', ' order by attnum) as names from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = ''`.execute(
    db,
  );
  return rows[0]!.names;
}

function fileOf(table: string): string {
  return join(dataDir, 'postgres', `${table}.copy`);
}

async function copyOut(table: string): Promise<void> {
  const columns = await columnsOf(table);
  await sql.raw(`copy (select ${columns} from ${table}) to '${fileOf(table)}'`).execute(db);
}

async function copyAll(): Promise<void> {
  for (const table of tables) {
    await sql.raw(`copy ${table} (${await columnsOf(table)}) from '${fileOf(table)}'`).execute(db);
  }
}

function silentBus(): EventBus {
  return { publish: async () => {} } as unknown as EventBus;
}

/** A report of every agent, in frames as gateways send them. */
function frames(
  say: (agent: number) => AgentToServerFields,
  sequenceNum: number,
  connected: boolean,
): Uint8Array[] {
  const encoded: Uint8Array[] = [];
  let reports: Report[] = [];
  let bytes = 0;
  for (let agent = 0; agent < agents; agent++) {
    const report = reportOf(agent, say(agent), sequenceNum, connected);
    reports.push(report);
    bytes += report.agentToServer.length + 150;
    if (bytes < frameBytes && agent < agents - 1) continue;
    encoded.push(encodeReportFrame({ gateway: 'gateway-1', reports }));
    reports = [];
    bytes = 0;
  }
  return encoded;
}

function reportOf(agent: number, say: AgentToServerFields, sequenceNum: number, connected: boolean): Report {
  return {
    instanceUid: uidOf(agent),
    epoch: 1_790_000_000_000,
    sequenceNum,
    receivedAt: 1_790_000_000_000 + agent,
    agentToServer: AgentToServer.encode(say).finish(),
    connected,
    disconnected: false,
    transport: 'websocket',
    remoteAddress: `192.0.2.${agent % 250}`,
    enrollmentTokenId: '0190a0b0-0000-7000-8000-000000000000',
    offeredConfigHash: new Uint8Array(),
    offerError: '',
    formerInstanceUid: new Uint8Array(),
    componentsContent: new Uint8Array(),
  };
}

/** Version 7 as agents make them: a time that grows, then chance. */
function uidOf(agent: number): Buffer {
  const uid = Buffer.alloc(16);
  uid.writeUIntBE(1_790_000_000_000 + Math.floor(agent / 10), 0, 6);
  for (let i = 6; i < 16; i++) uid[i] = (Math.imul(agent + 1, 2654435761 + i * 40503) >>> 13) & 0xff;
  uid.writeUInt32BE(agent, 12);
  return uid;
}

function fullState(agent: number): AgentToServerFields {
  return {
    capabilities: 0x3867,
    agentDescription: {
      identifyingAttributes: attributes({
        'service.name': 'io.opentelemetry.collector',
        'service.version': '0.149.0',
        'service.instance.id': uidOf(agent).toString('hex'),
      }),
      nonIdentifyingAttributes: attributes({
        'host.name': `host-${agent}`,
        'host.arch': ['amd64', 'arm64'][agent % 2]!,
        'os.type': 'linux',
        'os.description': 'Debian GNU/Linux 12',
        env: ['prod', 'stage', 'dev'][agent % 3]!,
        region: ['eu-1', 'us-1', 'us-2', 'ap-1'][agent % 4]!,
      }),
    },
    health: {
      healthy: true,
      startTimeUnixNano: 1.79e18 + agent,
      statusTimeUnixNano: 1.79e18,
      status: 'StatusOK',
    },
    effectiveConfig: {
      configMap: { configMap: { '': { body: configOf(agent), contentType: 'text/yaml' } } },
    },
    remoteConfigStatus: { status: 0 },
  };
}

function statusOnly(agent: number): AgentToServerFields {
  const lastRemoteConfigHash = Buffer.alloc(32, 1);
  return {
    remoteConfigStatus: { lastRemoteConfigHash, status: 1 },
    effectiveConfig: {
      configMap: { configMap: { '': { body: configOf(agent + 1), contentType: 'text/yaml' } } },
    },
  };
}

function configOf(agent: number): Buffer {
  const kind = agent % Number(given.configs);
  return Buffer.alloc(Number(given['config-bytes']), `# effective configuration ${kind}\n`);
}

function attributes(values: Record<string, string>) {
  return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
