import type { AvailableComponents, ComponentDetails } from '@muster/opamp/available-components';
import { expect, test } from 'vitest';
import { missingComponents } from './missing-components.ts';

const body = `
receivers: {otlp: , filelog/app: {include: [x]}, unused: }
processors:
  batch/2:
connectors: {spanmetrics: }
exporters: {debug: , otlphttp: }
extensions: {health_check: }
service:
  extensions: [health_check]
  pipelines:
    traces: {receivers: [otlp], processors: [batch/2], exporters: [debug, spanmetrics, "\${env:MORE}"]}
    metrics: {receivers: [spanmetrics], exporters: [debug]}
    logs: {receivers: [otlp, filelog/app], exporters: [debug, otlphttp]}
`;

const details = (...names: string[]): ComponentDetails => ({
  metadata: {},
  components: Object.fromEntries(names.map((name) => [name, { metadata: {}, components: {} }])),
});

function having(kinds: Record<string, ComponentDetails>): AvailableComponents {
  return { hash: 'ab', components: kinds };
}

const all = {
  receivers: details('otlp', 'filelog'),
  processors: details('batch'),
  exporters: details('debug', 'otlphttp'),
  connectors: details('spanmetrics'),
  extensions: details('health_check'),
};

test('an agent that has all that is used is told nothing', () => {
  expect(missingComponents(body, having(all))).toEqual([]);
});

test('each component that the agent does not have is named once, where it is defined', () => {
  const components = { ...all, receivers: details('otlp'), processors: details('filter') };
  expect(missingComponents(body, having(components))).toEqual([
    {
      severity: 'error',
      message: 'the agent has no "batch" among its processors',
      path: 'processors.batch/2',
      line: 4,
      column: 3,
    },
    expect.objectContaining({
      message: 'the agent has no "filelog" among its receivers',
      path: 'receivers.filelog/app',
      line: 2,
      column: 21,
    }),
  ]);
});

test('a component that is another kind on this agent is told so', () => {
  const { connectors: _, ...rest } = all;
  const components = { ...rest, processors: details('batch', 'spanmetrics'), extensions: details() };
  expect(missingComponents(body, having(components))?.map(({ message }) => message)).toEqual([
    'the agent has no "health_check" among its extensions',
    'the agent has no "spanmetrics" among its connectors; it has "spanmetrics" under processors',
  ]);
});

test.each([
  ['nothing', null],
  ['a hash alone', having({})],
  ['other things than a collector has', having({ plugins: details('otlp') })],
])('nothing is known of an agent that reported %s', (_what, available) => {
  expect(missingComponents(body, available)).toBeNull();
});

test.each([
  '',
  'a: [',
  'hello',
  'service: 1',
  'service: {pipelines: [x]}',
  'service: {pipelines: {logs: *x}}',
])('has no findings about %j', (text) => expect(missingComponents(text, having(all))).toEqual([]));

test('aliases are followed, undefined components judged by their role', () => {
  const aliased = `
x: &receivers [zipkin]
connectors: &c {forward: }
service: {pipelines: {traces: &p {receivers: *receivers, exporters: [forward]}, logs: *p}}
`;
  expect(missingComponents(aliased, having(all))?.map(({ path }) => path)).toEqual([
    'receivers.zipkin',
    'connectors.forward',
  ]);
});
