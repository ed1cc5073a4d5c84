import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CollectorValidators } from './collector-validators.ts';
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

const sound =
  'receivers: {otlp: }\nexporters: {debug: }\nservice: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}\n';

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
  const { findings } = await world.configs.validation.validate(text(), { fleet: 'edge' });
  const of = (message: RegExp) => findings.find((finding) => message.test(finding.message));
  expect(of(/undefined variable: labels.exporter/)).toMatchObject({
    severity: 'error',
    file: '',
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
  const { findings } = await world.configs.validation.validate(text(), { fleet: 'edge' });
  const lacking = findings.filter(({ severity }) => severity === 'error');
  expect(lacking).toEqual([
    expect.objectContaining({
      path: 'exporters.debug',
      message: expect.stringContaining('no "debug" among its exporters'),
      agents: agents.slice(2, 5),
    }),
  ]);
});

const none = { texts: 0, agents: 0, collectors: [], notAsked: [] };

test('a text for everybody is checked without a fleet; of a template that was not done is told', async () => {
  const { validation } = world.configs;
  const plain = await validation.validate(text({ body: 'service: {pipelines: {logs: }}\na: [' }), {});
  expect(plain.findings[0]).toMatchObject({ severity: 'error', file: '', agents: null });
  expect(plain.checked).toEqual({ ...none, texts: 1 });
  expect(await validation.validate(text({ body: 'x: {{ agent.os }}\ny: [' }), {})).toMatchObject({
    findings: [{ severity: 'warning', message: expect.stringContaining('no fleet to check it for') }],
    checked: none,
  });
  const broken = await validation.validate(text({ body: 'a: {{ labels.x' }), {});
  expect(broken).toMatchObject({
    findings: [{ severity: 'error', file: '', line: 1, agents: null }],
    checked: none,
  });
  const unknown = await validation.validate(text({ body: '', files: { body: 'a: 1\nb: {{ nope.x }}' } }), {});
  expect(unknown.findings).toMatchObject([{ file: 'body', line: 2, column: 7 }]);
});

test('a template that goes over its limits is a finding', async () => {
  const endless = '{% for i in (1..100000000) %}{{ i }}{% endfor %}';
  const { findings } = await world.configs.validation.validate(text({ body: endless }), {});
  expect(findings).toMatchObject([
    { severity: 'error', file: '', message: expect.stringContaining('limit') },
  ]);
});

test('what was looked at is told', async () => {
  await fleet('edge');
  const { validation } = world.configs;
  const empty = await validation.validate(text({ body: sound }), { fleet: 'edge' });
  expect(empty).toMatchObject({
    findings: [{ severity: 'warning', message: expect.stringContaining('no agent of fleet "edge"') }],
    checked: { ...none, texts: 1 },
  });
  for (const exporter of ['debug', 'debug', 'nop']) {
    await world.enrol(1, { labels: { fleet: 'edge', exporter } });
  }
  await fleet('edge');
  expect((await validation.validate(text({ body: sound }), { fleet: 'edge' })).checked).toEqual({
    ...none,
    texts: 1,
    agents: 3,
  });
  expect((await validation.validate(text(), { fleet: 'edge' })).checked).toEqual({
    ...none,
    texts: 2,
    agents: 3,
  });
});

test('collectors that agents run are asked where they are here; of others is told that they were not', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'collectors-'));
  await mkdir(join(directory, 'otelcol', '1'), { recursive: true });
  await writeFile(join(directory, 'otelcol', '1', 'otelcol'), '#!/bin/sh\necho service::x: no; exit 1\n', {
    mode: 0o755,
  });
  await world.close();
  world = await createTestWorld({ collectors: new CollectorValidators({ directory, sandboxed: true }) });
  await fleet('edge');
  const agents = await world.enrol(3, { labels: { fleet: 'edge' } });
  await world.db.updateTable('agents').set({ type: 'otelcol', version: '1' }).execute();
  await world.db.updateTable('agents').set({ version: '2' }).where('uid', '=', agents[0]!).execute();
  await fleet('edge');
  const { findings, checked } = await world.configs.validation.validate(text({ body: sound }), {
    fleet: 'edge',
  });
  await rm(directory, { recursive: true });
  expect(checked).toEqual({
    texts: 1,
    agents: 3,
    collectors: [{ distribution: 'otelcol', version: '1' }],
    notAsked: [{ distribution: 'otelcol', version: '2' }],
  });
  const of = (message: string) => findings.find((finding) => finding.message === message);
  expect(of('otelcol 1: no')).toMatchObject({ severity: 'error', agents: agents.slice(1) });
  expect(of('otelcol 2 was not asked, since MUSTER_COLLECTORS_DIR does not have it')).toMatchObject({
    severity: 'warning',
    agents: [agents[0]],
  });
});

test('an overlay that nobody can merge is found without a fleet, as saving finds it', async () => {
  const overlays = [{ selector: 'a=b', file: '', body: 'exporters: {nop: {}}\nservice: !apend [x]' }];
  const { findings } = await world.configs.validation.validate({ ...text(), overlays }, {});
  expect(findings).toMatchObject([
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
  const { findings } = await world.configs.validation.validate(text({ body: '', files }), {});
  expect(findings).toMatchObject([
    { message: expect.stringContaining('"gone" is not defined'), file: '2-rest.yaml', line: 2 },
  ]);
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
