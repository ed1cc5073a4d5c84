import { jetstreamManager } from '@nats-io/jetstream';
import { startLocalNats } from '@muster/platform/local-services';
import { useTestService } from '@muster/platform/test-service.setup';
import { expect, it } from 'vitest';
import { connectNats } from './connection.nats.ts';
import { deadLettersContract } from './dead-letters.contract.ts';
import { createNatsEventBus } from './event-bus.nats.ts';

const nats = useTestService((options) => startLocalNats({ ...options, maxPayload: '1MB' }));

async function open() {
  const link = await connectNats({ url: nats.url, name: 'test' });
  await (await jetstreamManager(link.connection)).streams.delete('DEADLETTERS').catch(() => {});
  const bus = await createNatsEventBus(link);
  return { link, bus, letters: bus.deadLetters, close: () => bus.close() };
}

deadLettersContract(open);

const letter = (bytes: number) => ({
  subject: 'reports',
  group: 'inventory',
  tries: 3,
  error: 'Error: no',
  agent: null,
  payload: new Uint8Array(bytes),
});

it('is seen by every process', async () => {
  const { letters, close } = await open();
  const id = await letters.add(letter(3));
  const link = await connectNats({ url: nats.url, name: 'other' });
  const other = await createNatsEventBus(link);
  expect((await other.deadLetters.page({ limit: 1 })).items[0]!.id).toBe(id);
  expect(await other.deadLetters.remove(id)).toBe(true);
  expect(await letters.count()).toBe(0);
  await Promise.all([other.close(), close()]);
});

it('lets the oldest go when it is full, and says that their payload is gone', async () => {
  const { letters, link, close } = await open();
  const manager = await jetstreamManager(link.connection);
  const { config } = await manager.streams.info('DEADLETTERS');
  expect(config).toMatchObject({ max_msgs: 10_000, max_bytes: 256 * 2 ** 20, discard: 'old' });
  expect(config.max_age).toBeGreaterThan(0);
  await manager.streams.update('DEADLETTERS', { max_bytes: 3_000_000 });
  const first = await letters.add(letter(2_000_000));
  const second = await letters.add(letter(2_000_000));
  expect(await letters.payloadOf(first)).toBeNull();
  expect((await letters.payloadOf(second))!.length).toBe(2_000_000);
  await close();
});
