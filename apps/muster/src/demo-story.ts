import { setTimeout as sleep } from 'node:timers/promises';

/** The demonstration did not go as planned; the message says at which request. */
export class DemoFailed extends Error {
  readonly code = 'demo-failed';
}

const policy = {
  applyDeadlineSeconds: 20,
  maxFailed: '20%',
  maxUnhealthy: '50%',
  maxDisconnected: '20%',
  onBreach: 'pause',
};
const atOnce = { ...policy, waves: ['100%'], soakSeconds: 0 };
const canary = { ...policy, waves: ['5%', '100%'], soakSeconds: 3 };

/** Fleets by the attributes that simulated agents report. */
const fleets = [
  {
    name: 'servers',
    selector: 'service.name in (otelcol-contrib,otelcol)',
    receivers: ['hostmetrics', 'otlp'],
  },
  { name: 'kubernetes', selector: 'service.name=otelcol-k8s', receivers: ['kubeletstats', 'otlp'] },
];

/** What a person reads while it is told. */
type Tell = (text: string) => void;

/**
 * Tells a fleet's story through the API: two fleets get their first configuration, and one of them a
 * second version by a canary. A data directory in which it was told before is left as it is.
 */
export async function tellStory(url: string, adminKey: string, tell: Tell): Promise<void> {
  const call = caller(url, adminKey);
  const { items } = await call<{ items: unknown[] }>('GET', '/fleets');
  if (items.length > 0) return;
  for (const { name, selector, receivers } of fleets) {
    await call('POST', '/configurations', { name, body: collectorYaml(receivers, 'basic') });
    await call('PUT', `/fleets/${name}`, { selector });
    await rollOut(call, { fleet: name, configuration: name, version: 1, policy: atOnce });
    tell(`  ${name}: every agent has version 1`);
  }
  const [first] = fleets as [(typeof fleets)[number]];
  await call('POST', `/configurations/${first.name}/versions`, {
    body: collectorYaml(first.receivers, 'detailed'),
    comment: 'more words from the debug exporter',
  });
  await rollOut(call, { fleet: first.name, configuration: first.name, version: 2, policy: canary });
  tell(`  ${first.name}: version 2 went out, to a twentieth first and then to all`);
}

interface Rollout {
  id: string;
  state: string;
  reason: string;
}

async function rollOut(call: Call, request: unknown): Promise<void> {
  const { id } = await call<Rollout>('POST', '/rollouts', request);
  for (;;) {
    const { state, reason } = await call<Rollout>('GET', `/rollouts/${id}`);
    if (state === 'completed') return;
    if (state !== 'running' && state !== 'scheduled')
      throw new DemoFailed(`a rollout is ${state}: ${reason}`);
    await sleep(250);
  }
}

type Call = <Answer>(method: string, path: string, body?: unknown) => Promise<Answer>;

function caller(url: string, adminKey: string): Call {
  return async (method, path, body) => {
    const response = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new DemoFailed(`${method} ${path} was answered with ${response.status}: ${text}`);
    return JSON.parse(text);
  };
}

function collectorYaml(receivers: readonly string[], verbosity: string): string {
  return [
    'receivers:',
    ...receivers.map((name) => (name === 'otlp' ? '  otlp:\n    protocols:\n      grpc:' : `  ${name}:`)),
    'processors:',
    '  batch:',
    'exporters:',
    '  debug:',
    `    verbosity: ${verbosity}`,
    'service:',
    '  pipelines:',
    '    metrics:',
    `      receivers: [${receivers.join(', ')}]`,
    '      processors: [batch]',
    '      exporters: [debug]',
    '',
  ].join('\n');
}
