import { afterAll, beforeAll, expect, test } from 'vitest';
import { InvalidConfiguration } from './errors.ts';
import { createTestWorld, type TestWorld } from './test-world.postgres.ts';

let world: TestWorld;
beforeAll(async () => {
  world = await createTestWorld();
});
afterAll(() => world.close());

const body = 'receivers: {nop: }\n';

function create(name: string, text = body) {
  return world.inTransaction((tx) =>
    world.configs.configurations.create(tx, 'alice', { name, body: text, description: 'for tests' }),
  );
}

function addVersion(name: string, text: string) {
  return world.inTransaction((tx) =>
    world.configs.configurations.createVersion(tx, 'bob', { name, body: text, comment: 'why' }),
  );
}

test('versions count up from 1 and keep text, author and comment', async () => {
  const { configurations } = world.configs;
  expect(await create('web')).toMatchObject({
    name: 'web',
    description: 'for tests',
    createdBy: 'alice',
    latest: { version: 1, body },
  });
  expect(await addVersion('web', `${body}exporters: {nop: }\n`)).toMatchObject({
    version: 2,
    createdBy: 'bob',
    comment: 'why',
  });
  expect((await configurations.versions('web')).map(({ version }) => version)).toEqual([2, 1]);
  expect((await configurations.find('web'))?.latest.version).toBe(2);
  expect((await configurations.version('web', 1)).body).toBe(body);
  expect(await configurations.diff('web', 1, 2)).toBe(
    '--- web v1\n+++ web v2\n@@ -1,1 +1,2 @@\n receivers: {nop: }\n+exporters: {nop: }\n',
  );
  expect((await configurations.list()).map(({ name }) => name)).toContain('web');
});

test('writers at the same time get a version each', async () => {
  await create('busy');
  const versions = await Promise.all(
    Array.from({ length: 8 }, (_, i) => addVersion('busy', `${body}# ${i}\n`)),
  );
  expect(versions.map(({ version }) => version).toSorted()).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
});

test('a text with errors is refused with all its problems, and nothing is stored', async () => {
  const failure = await create('broken', 'a: 1\na: 2\nb: [\n').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(InvalidConfiguration);
  expect(failure).toMatchObject({
    field: 'body',
    problems: expect.arrayContaining([expect.objectContaining({ line: 2 })]),
  });
  expect(await world.configs.configurations.find('broken')).toBeNull();
  await create('fine');
  await expect(addVersion('fine', '')).rejects.toBeInstanceOf(InvalidConfiguration);
});

test('what is wrong is named', async () => {
  await create('taken');
  await expect(create('taken')).rejects.toMatchObject({ code: 'configuration-exists' });
  for (const name of ['', '-a', 'a/b', 'ä', 'a'.repeat(64)]) {
    await expect(create(name)).rejects.toMatchObject({ code: 'invalid-name', field: 'name' });
  }
  await expect(addVersion('nowhere', body)).rejects.toMatchObject({ code: 'unknown-configuration' });
  const { configurations } = world.configs;
  await expect(configurations.versions('nowhere')).rejects.toMatchObject({ code: 'unknown-configuration' });
  for (const version of [0, 7, 1.5, 2 ** 40]) {
    await expect(configurations.version('taken', version)).rejects.toMatchObject({
      code: 'unknown-configuration-version',
    });
  }
});

test('the same text renders to the same bytes, stored once', async () => {
  const first = await world.configuration('left', 'same');
  const other = await world.configuration('right', 'same');
  expect(other).toBe(first);
  const rows = await world.db.selectFrom('rendered_configs').selectAll().execute();
  const row = rows.filter(({ hash }) => hash.toString('hex') === first);
  expect(row).toEqual([expect.objectContaining({ files: { '': expect.stringContaining('# same') } })]);
  expect(row[0]!.remote_config.includes(Buffer.from(first, 'hex'))).toBe(true);
});
