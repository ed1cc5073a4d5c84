import { createHash, randomUUID } from 'node:crypto';
import { agentIdsFromBytes, agentIdsToBytes, type AgentId } from '@muster/agents/agent-id';
import { createMemoryPresence } from '@muster/agents/presence.memory';
import { createTestDatabase } from '@muster/db/test-database.postgres';
import { transact, type Tx } from '@muster/db/transaction';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createMemoryGatewayDelivery } from '@muster/messages/gateway-delivery.memory';
import { AvailableComponents } from '@muster/opamp/opamp';
import { silentLog } from '@muster/platform/log';
import { sql } from 'kysely';
import type { CollectorValidators } from './collector-validators.ts';
import { createMemoryOfferCache } from './offer-cache.memory.ts';
import { wireConfigs } from './wire.ts';

/** A config as a gateway was told to offer it. */
export interface Delivered {
  gateway: string;
  hash: string;
  agents: AgentId[];
}

/** Status numbers of RemoteConfigStatus. */
export const reported = { applied: 1, applying: 2, failed: 3 } as const;

const statusReportingCapabilities = 0x1803;

/**
 * For tests: the capability on a database of its own and in-process ports, agents that are rows, and what
 * inventory would write when they report. Time stands still until the test moves it.
 */
export async function createTestWorld(options: { collectors?: CollectorValidators } = {}) {
  const { db, drop } = await createTestDatabase();
  const bus = createMemoryEventBus();
  const presence = createMemoryPresence();
  const offerCache = createMemoryOfferCache();
  const delivery = createMemoryGatewayDelivery({ timeoutMs: 200 });
  const delivered: Delivered[] = [];
  const clock = { now: Date.now() };
  const configs = wireConfigs({
    db,
    bus,
    presence,
    offerCache,
    delivery,
    log: silentLog,
    now: () => clock.now,
    ...options,
  });
  const openGateway = (gateway: string) =>
    delivery.receive(gateway, async (order) => {
      if (order.kind !== 'desiredConfig') return { notHeld: new Uint8Array(), refused: [] };
      const agents = agentIdsFromBytes(order.instanceUids);
      const holders = await presence.locate(agents);
      const held = agents.filter((agent) => holders.get(agent) === gateway);
      const hash = Buffer.from(order.configHash).toString('hex');
      delivered.push({ gateway, hash, agents: held });
      return { notHeld: agentIdsToBytes(agents.filter((agent) => !held.includes(agent))), refused: [] };
    });
  await openGateway('gateway-1');

  const world = {
    db,
    bus,
    presence,
    offerCache,
    delivery,
    delivered,
    clock,
    configs,
    openGateway,
    inTransaction: <T>(work: (tx: Tx) => Promise<T>) => transact(db, work),

    /** New agents with these labels, connected to `gateway-1`; their uids sort in the order of the answer. */
    async enrol(count: number, options: { labels?: Record<string, string>; capabilities?: number } = {}) {
      const agents = Array.from({ length: count }, () => randomUUID() as AgentId).toSorted();
      await db
        .insertInto('agents')
        .values(agents.map((uid) => ({ uid, labels: JSON.stringify(options.labels ?? {}) })))
        .execute();
      const capabilities = options.capabilities ?? statusReportingCapabilities;
      await db
        .insertInto('agent_states')
        .values(agents.map((uid) => ({ uid, capabilities, epoch: 0, sequence_num: 0 })))
        .execute();
      await world.connect(agents);
      return agents;
    },

    async connect(agents: readonly AgentId[], gateway = 'gateway-1') {
      await presence.claim(
        gateway,
        agents.map((agent) => ({ agent, now: clock.now })),
      );
      await sql`update agent_states set connected = true where uid = any(${agents}::uuid[])`.execute(db);
    },

    async disconnect(agents: readonly AgentId[]) {
      await presence.forget(agents);
      await sql`
        update agent_states set connected = false, disconnected_at = ${new Date(clock.now)}
        where uid = any(${agents}::uuid[])`.execute(db);
    },

    /** What the agents say of a config: as inventory folds it into the tables. */
    async report(agents: readonly AgentId[], hash: string, status: number, error = '') {
      const bytes = Buffer.from(hash, 'hex');
      await sql`
        update agent_states set remote_config_hash = ${bytes}, remote_config_status = ${status},
          remote_config_error = ${error},
          applied_config_hash = case when ${status} = 1 then ${bytes} else applied_config_hash end,
          applied_at = case when ${status} = 1 then ${new Date(clock.now)} else applied_at end
        where uid = any(${agents}::uuid[])`.execute(db);
      if (status !== reported.failed) return;
      await sql`
        insert into config_failures (uid, hash, error, failed_at)
        select uid, ${bytes}, ${error}, ${new Date(clock.now)} from unnest(${agents}::uuid[]) as uid
        on conflict do nothing`.execute(db);
    },

    /** What the agents say they are made of: kinds, each with its component types. */
    async madeOf(agents: readonly AgentId[], kinds: Record<string, string[]>) {
      const components = Object.fromEntries(
        Object.entries(kinds).map(([kind, types]) => [
          kind,
          { subComponentMap: Object.fromEntries(types.map((type) => [type, {}])) },
        ]),
      );
      const body = Buffer.from(AvailableComponents.encode({ components }).finish());
      const hash = createHash('sha256').update(body).digest();
      await db
        .insertInto('report_contents')
        .values({ hash, body })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await sql`update agent_states set available_components_hash = ${hash} where uid = any(${agents}::uuid[])`.execute(
        db,
      );
    },

    async reportHealth(agents: readonly AgentId[], healthy: boolean) {
      await sql`update agent_states set healthy = ${healthy} where uid = any(${agents}::uuid[])`.execute(db);
    },

    /** A configuration that agents would take; its hash as version 1. Texts differ by `text`. */
    async configuration(name: string, text = name): Promise<string> {
      await world.inTransaction((tx) =>
        configs.configurations.create(tx, 'test', { name, body: configText(text) }),
      );
      return world.rendered(name, 1);
    },

    async version(name: string, text: string): Promise<{ version: number; hash: string }> {
      const version = await world.inTransaction(async (tx) => {
        const { version } = await configs.configurations.createVersion(tx, 'test', {
          name,
          body: configText(text),
        });
        return version;
      });
      return { version, hash: await world.rendered(name, version) };
    },

    /** The hash of a version that is the same for every agent. */
    async rendered(configuration: string, version: number): Promise<string> {
      const [group] = await world.inTransaction((tx) =>
        configs.rendered.renderFor(tx, { configuration, version }, { name: '', variables: {} }, []),
      );
      return group!.hash!;
    },

    putFleet(name: string, selector: string, rest: { priority?: number; policy?: unknown } = {}) {
      return world.inTransaction((tx) => configs.fleets.put(tx, 'test', { name, selector, ...rest }));
    },

    /** Every config each agent was sent, in order. */
    sentTo(agent: AgentId): string[] {
      return delivered.filter(({ agents }) => agents.includes(agent)).map(({ hash }) => hash);
    },

    async close() {
      await bus.close();
      await drop();
    },
  };
  return world;
}

export type TestWorld = Awaited<ReturnType<typeof createTestWorld>>;

function configText(text: string): string {
  return `# ${text}\nreceivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n`;
}
