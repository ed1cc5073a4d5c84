import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OtlpReceiver } from './otlp-receiver.setup.ts';

let receiver: OtlpReceiver;
beforeEach(async () => {
  receiver = await OtlpReceiver.start();
});
afterEach(() => receiver.stop());

const platform = (file: string) => JSON.stringify(new URL(`./${file}`, import.meta.url).href);

/** Runs a program in a process of its own, as telemetry is the process's; answers its log, line by line. */
async function run(
  program: string,
  env: Record<string, string> = {},
  instance?: string,
): Promise<Record<string, unknown>[]> {
  const source = `
    import { inSpan, observeNumbers, startTelemetry, traceparent, under, underNoSpan } from ${platform('telemetry.ts')};
    import { createLog } from ${platform('log.ts')};
    const log = createLog('part', 'info', ${JSON.stringify(instance)});
    const telemetry = await startTelemetry('muster-part', ${JSON.stringify(receiver.endpoint)}, ${JSON.stringify(instance)});
    ${program}
    await telemetry.stop();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(said);
  return said
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

it('sends numbers and spans that say which process they are of, two processes two', async () => {
  const program = `observeNumbers('test', { agents: 3, offers: 5 }, ['agents']); await inSpan('work', {}, async () => 7);`;
  await Promise.all([run(program), run(program)]);
  const names = receiver.metrics.map(({ name }) => name).sort();
  expect(names).toEqual([
    'muster.test.agents',
    'muster.test.agents',
    'muster.test.offers',
    'muster.test.offers',
  ]);
  for (const { resource } of [...receiver.metrics, ...receiver.spans]) {
    expect(resource).toMatchObject({
      'service.namespace': 'muster',
      'service.name': 'muster-part',
      'service.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  }
  const instances = (items: { resource: Record<string, string> }[]) =>
    new Set(items.map(({ resource }) => resource['service.instance.id']));
  expect(instances(receiver.metrics).size).toBe(2);
  expect(instances(receiver.spans)).toEqual(instances(receiver.metrics));
});

it('takes the instance from who knows it, and everything from the environment before', async () => {
  const program = `await inSpan('work', {}, async () => 7);`;
  await run(program, {}, 'gateway-7');
  expect(receiver.spans[0]!.resource).toMatchObject({ 'service.instance.id': 'gateway-7' });
  const env = {
    OTEL_SERVICE_NAME: 'fleet-control',
    OTEL_RESOURCE_ATTRIBUTES:
      'service.instance.id=pod-1,service.namespace=ops,deployment.environment.name=prod',
  };
  await run(program, env, 'gateway-7');
  expect(receiver.spans[1]!.resource).toMatchObject({
    'service.name': 'fleet-control',
    'service.instance.id': 'pod-1',
    'service.namespace': 'ops',
    'deployment.environment.name': 'prod',
  });
});

it('gives nested spans their parents, over pauses and from one process to the next', async () => {
  await run(`
    let carried;
    await inSpan('outer', {}, async () => {
      await new Promise((done) => setTimeout(done, 5));
      await Promise.all([inSpan('inner', {}, async () => { carried = traceparent(); }), inSpan('other', {}, async () => {})]);
      await underNoSpan(() => inSpan('apart', {}, async () => {}));
    });
    if (traceparent() !== null) throw new Error('a span is still under way');
    await under(carried, () => inSpan('remote', {}, async () => {}));
    await under(null, () => inSpan('alone', {}, async () => {}));`);
  const span = (name: string) => receiver.spans.find((one) => one.name === name)!;
  const outer = span('outer');
  expect(outer.parentSpanId).toBe('');
  for (const name of ['inner', 'other']) {
    expect(span(name)).toMatchObject({ traceId: outer.traceId, parentSpanId: outer.spanId });
  }
  expect(span('remote')).toMatchObject({ traceId: outer.traceId, parentSpanId: span('inner').spanId });
  for (const name of ['apart', 'alone']) {
    expect(span(name).parentSpanId).toBe('');
    expect(span(name).traceId).not.toBe(outer.traceId);
  }
});

it('logs say which process and which span they are of', async () => {
  const [outside, inside] = await run(
    `log.info('outside'); await inSpan('work', {}, async () => log.info('inside'));`,
    {},
    'gateway-7',
  );
  expect(outside).toMatchObject({
    name: 'part',
    'service.name': 'muster-part',
    'service.instance.id': 'gateway-7',
    msg: 'outside',
  });
  expect(outside).not.toHaveProperty('trace_id');
  const [span] = receiver.spans;
  expect(inside).toMatchObject({ trace_id: span!.traceId, span_id: span!.spanId });
});
