import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { inSpan, observeNumbers, startTelemetry } from './telemetry.ts';

it('sends numbers and spans to the OTLP endpoint', async () => {
  const bodies = new Map<string, string>();
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.set(request.url ?? '', Buffer.concat(chunks).toString('latin1'));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

  const telemetry = await startTelemetry('muster-test', endpoint);
  observeNumbers('test', { agents: 3, offers: 5 }, ['agents']);
  await expect(inSpan('test.work', {}, async () => 7)).resolves.toBe(7);
  await telemetry.stop();

  expect(bodies.get('/v1/metrics')).toMatch(/muster-test[^]*muster\.test\.agents[^]*muster\.test\.offers/);
  expect(bodies.get('/v1/traces')).toMatch(/muster-test[^]*test\.work/);
  collector.close();
});
