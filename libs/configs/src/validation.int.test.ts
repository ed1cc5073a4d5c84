import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestWorld, type TestWorld } from './test-world.postgres.ts';

const pipelines = 'service: {pipelines: {logs: {receivers: [otlp], exporters: [{{ labels.exporter }}]}}}';
const body = `receivers: {otlp: }\nexporters: {debug: , nop: }\n${pipelines}\n`;

let world: TestWorld;
beforeEach(async () => {
  world = await createTestWorld();
});
afterEach(() => world.close());

async function fleet(name: string): Promise<void> {
  await world.putFleet(name, `fleet=${name}`);
}

const text = (overrides: Partial<{ body: string; files: Record<string, string> }> = {}) => ({
  body,
  files: {},
  overlays: [],
  ...overrides,
});

test('findings name the agents whose text has them', async () => {
  await fleet('edge');
  const enrol = (count: number, exporter?: string) =>
    world.enrol(count, { labels: { fleet: 'edge', ...(exporter && { exporter }) } });
  const [debug, file, none] = [await enrol(2, 'debug'), await enrol(3, 'file'), await enrol(1)];
  await fleet('edge');
  const findings = await world.configs.validation.validate(text(), { fleet: 'edge' });
  const of = (message: RegExp) => findings.find((finding) => message.test(finding.message));
  expect(of(/undefined variable: labels.exporter/)).toMatchObject({
    severity: 'error',
    file: 'body',
    line: 3,
    agents: none,
  });
  expect(of(/"file" is not defined/)).toMatchObject({
    path: 'service.pipelines.logs.exporters',
    line: 3,
    agents: file,
  });
  expect(of(/"debug" is defined but not used/)!.agents).toEqual(file);
  expect(of(/"nop" is defined but not used/)!.agents!.toSorted()).toEqual([...debug, ...file].toSorted());
});

test('names the agents that lack a component, and no others', async () => {
  const agents = await world.enrol(6, { labels: { fleet: 'edge', exporter: 'debug' } });
  await fleet('edge');
  await world.madeOf(agents.slice(0, 2), { receivers: ['otlp'], exporters: ['debug'] });
  await world.madeOf(agents.slice(2, 5), { receivers: ['otlp'], exporters: ['nop'] });
  const findings = await world.configs.validation.validate(text(), { fleet: 'edge' });
  const lacking = findings.filter(({ severity }) => severity === 'error');
  expect(lacking).toEqual([
    expect.objectContaining({
      path: 'exporters.debug',
      message: expect.stringContaining('no "debug" among its exporters'),
      agents: agents.slice(2, 5),
    }),
  ]);
});

test('a text for everybody is checked without a fleet; a template only as far as it goes', async () => {
  const plain = await world.configs.validation.validate(
    text({ body: 'service: {pipelines: {logs: }}\na: [' }),
    {},
  );
  expect(plain[0]).toMatchObject({ severity: 'error', file: '', agents: null });
  expect(await world.configs.validation.validate(text(), {})).toEqual([]);
  const broken = await world.configs.validation.validate(text({ body: 'a: {{ labels.x' }), {});
  expect(broken).toMatchObject([{ severity: 'error', file: 'body', line: 1, agents: null }]);
});

test('an overlay that nobody can merge is found without a fleet, as saving finds it', async () => {
  const overlays = [{ selector: 'a=b', file: '', body: 'exporters: {nop: {}}\nservice: !apend [x]' }];
  expect(await world.configs.validation.validate({ ...text(), overlays }, {})).toMatchObject([
    {
      severity: 'error',
      file: 'overlays[0]',
      line: 2,
      column: 17,
      message: expect.stringContaining('!apend'),
    },
  ]);
});

test('several files are checked as a collector takes them: together', async () => {
  const files = {
    '1-receivers.yaml': 'receivers: {otlp: }\n',
    '2-rest.yaml':
      'exporters: {nop: }\nservice: {pipelines: {logs: {receivers: [otlp], exporters: [nop, gone]}}}\n',
  };
  const findings = await world.configs.validation.validate(text({ body: '', files }), {});
  expect(findings).toMatchObject([{ message: expect.stringContaining('"gone" is not defined'), line: null }]);
});

test('credentials are refused in every text, and never repeated', async () => {
  const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
  const overlays = [
    { selector: '', body: `exporters: {otlp: {headers: {authorization: "Bearer ${secret}"}}}` },
  ];
  const create = world.inTransaction((tx) =>
    world.configs.configurations.create(tx, 'test', { name: 'leaky', body, overlays }),
  );
  const error = await create.catch((problem: unknown) => problem as Error);
  expect(error).toMatchObject({ code: 'invalid-configuration' });
  expect(JSON.stringify(error) + (error as Error).message).not.toContain(secret);
  const put = world.inTransaction((tx) =>
    world.configs.fleets.put(tx, 'test', { name: 'f', selector: '', variables: { key: secret } }),
  );
  await expect(put).rejects.toMatchObject({ code: 'invalid-variable', field: 'variables.key' });
});

test('an unknown fleet is named', async () => {
  await expect(world.configs.validation.validate(text(), { fleet: 'nope' })).rejects.toMatchObject({
    code: 'unknown-fleet',
  });
});
