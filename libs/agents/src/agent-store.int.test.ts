import { createTestDatabase, type TestDatabase } from '@muster/db/test-database.postgres';
import { transact } from '@muster/db/transaction';
import type { Delivery, DeliveryReceipt } from '@muster/messages/delivery';
import { silentLog } from '@muster/platform/log';
import { createMemoryEventBus } from '@muster/messages/event-bus.memory';
import { createMemoryGatewayDelivery } from '@muster/messages/gateway-delivery.memory';
import type { AgentsChanged } from '@muster/messages/vocabulary';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentIdToBytes, type AgentId } from './agent-id.ts';
import { claimed } from './claimed.setup.ts';
import { AgentOffline, CommandRefused, InvalidLabel, UnknownAgent } from './errors.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { wireAgents, type Agents } from './wire.ts';

const uid = '0190a0b0-0000-7000-8000-000000000001' as AgentId;
const stranger = '0190a0b0-0000-7000-8000-000000000009' as AgentId;

let database: TestDatabase;
let agents: Agents;
let presence: ReturnType<typeof createMemoryPresence>;
const told: AgentsChanged['agents'] = [];
const delivered: Delivery[] = [];
let receipt: DeliveryReceipt;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  told.length = 0;
  delivered.length = 0;
  receipt = { notHeld: new Uint8Array(), refused: [] };
  presence = createMemoryPresence();
  const bus = createMemoryEventBus();
  const delivery = createMemoryGatewayDelivery();
  await bus.listen('agents.changed', (message) => void told.push(...message.agents));
  await delivery.receive('gateway-1', (order) => {
    delivered.push(order);
    return receipt;
  });
  agents = wireAgents({ db: database.db, presence, bus, delivery, log: silentLog });
  for (const table of ['agents', 'agent_states', 'config_failures'] as const) {
    await database.db.deleteFrom(table).execute();
  }
  await database.db.insertInto('agents').values({ uid, attributes: '{"env":"prod"}' }).execute();
  await database.db
    .insertInto('agent_states')
    .values({ uid, epoch: 1, sequence_num: 1, capabilities: 0 })
    .execute();
  await database.db
    .insertInto('config_failures')
    .values([
      { uid, hash: Buffer.from('x'), error: 'no' },
      { uid, hash: Buffer.from('y'), error: 'no', lifted_at: new Date() },
    ])
    .execute();
});

const setLabels = (id: AgentId, labels: Record<string, string>) =>
  transact(database.db, (tx) => agents.store.setLabels(tx, id, labels));
const remove = (id: AgentId) => transact(database.db, (tx) => agents.store.delete(tx, id));
const connect = () => presence.claim('gateway-1', [{ agent: uid, now: Date.now() }]);

describe('setLabels', () => {
  it('replaces the labels, which win over attributes, and tells of it', async () => {
    await setLabels(uid, { env: 'test', 'example.com/team': 'Blue & Söhne' });
    await setLabels(uid, { env: 'stage' });
    const [agent] = await agents.views.many([uid]);
    expect(agent).toMatchObject({ labels: { env: 'stage' }, attributes: { env: 'prod' } });
    const row = await database.db.selectFrom('agents').select('matching').executeTakeFirstOrThrow();
    expect(row.matching).toEqual({ env: 'stage' });
    expect(told.at(-1)).toEqual({ uid, changes: ['description'] });
  });

  it.each([
    ['', 'x'],
    ['-a', 'x'],
    ['a b', 'x'],
    ['a,b', 'x'],
    ['a'.repeat(254), 'x'],
    ['a', 'x'.repeat(257)],
    ['a', 'line\nbreak'],
    ['a', 'nul\0'],
    ['a', '\ud800'],
  ])('refuses the label %j: %j and names it', async (key, value) => {
    const failure = await setLabels(uid, { fine: 'yes', [key]: value }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InvalidLabel);
    expect(failure).toMatchObject({ field: `labels.${key}` });
    expect(told).toEqual([]);
  });

  it('refuses more labels than anybody reads', async () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`label-${index}`, 'x']));
    await expect(setLabels(uid, many)).rejects.toThrow(InvalidLabel);
  });

  it('knows no stranger', async () => {
    await expect(setLabels(stranger, {})).rejects.toThrow(UnknownAgent);
  });
});

describe('delete', () => {
  it('leaves nothing of the agent but what it failed, ends its connection and tells of it', async () => {
    await connect();
    await remove(uid);
    expect(await agents.views.find(uid)).toBeNull();
    expect(await database.db.selectFrom('agent_states').selectAll().execute()).toEqual([]);
    const failures = await database.db.selectFrom('config_failures').select(['uid', 'hash']).execute();
    expect(failures).toEqual([{ uid, hash: Buffer.from('x') }]);
    expect(told).toEqual([{ uid, changes: ['deleted'] }]);
    expect(delivered).toMatchObject([{ kind: 'disconnect', instanceUids: agentIdToBytes(uid) }]);
    // Unknown now, so the next connection has to report all of its state.
    expect(claimed((await connect())[0]).previous).toBeNull();
  });

  it('asks no gateway about an agent that is offline', async () => {
    await remove(uid);
    expect(delivered).toEqual([]);
  });

  it('knows no stranger', async () => {
    await expect(remove(stranger)).rejects.toThrow(UnknownAgent);
  });
});

describe('restart', () => {
  it('goes to the gateway that holds the agent', async () => {
    await connect();
    await agents.commands.restart(uid);
    expect(delivered).toEqual([{ kind: 'restart', instanceUids: agentIdToBytes(uid) }]);
  });

  it('is refused with the reason of the gateway', async () => {
    await connect();
    receipt.refused = [{ instanceUid: agentIdToBytes(uid), reason: 'it does not accept restarts' }];
    const restart = agents.commands.restart(uid);
    await expect(restart).rejects.toThrow(CommandRefused);
    await expect(restart).rejects.toThrow('it does not accept restarts');
  });

  it('does not reach an agent that is offline, or has just left', async () => {
    await expect(agents.commands.restart(uid)).rejects.toThrow(AgentOffline);
    await connect();
    receipt.notHeld = agentIdToBytes(uid);
    await expect(agents.commands.restart(uid)).rejects.toThrow(AgentOffline);
  });

  it('knows no stranger', async () => {
    await expect(agents.commands.restart(stranger)).rejects.toThrow(UnknownAgent);
  });
});

it('disconnect tells the gateway why', async () => {
  await connect();
  await agents.commands.disconnect(uid, 'moved');
  expect(delivered).toEqual([{ kind: 'disconnect', instanceUids: agentIdToBytes(uid), reason: 'moved' }]);
});
