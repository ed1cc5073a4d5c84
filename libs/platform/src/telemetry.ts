import { metrics, SpanStatusCode, trace, type Attributes } from '@opentelemetry/api';
import type { Running } from './running.ts';

const scope = 'muster';

/**
 * Sends this process's own metrics and traces by OTLP over HTTP to `endpoint` (the base URL, as
 * OTEL_EXPORTER_OTLP_ENDPOINT holds it). Without an endpoint nothing is loaded and nothing is measured.
 */
export async function startTelemetry(service: string, endpoint: string | undefined): Promise<Running> {
  if (endpoint === undefined) return { stop: async () => {} };
  const [
    { MeterProvider, PeriodicExportingMetricReader },
    { TracerProvider, BatchSpanProcessor },
    resources,
    metricExport,
    traceExport,
  ] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  const resource = resources
    .detectResources({ detectors: [resources.envDetector, resources.hostDetector] })
    .merge(resources.resourceFromAttributes({ 'service.namespace': 'muster', 'service.name': service }));
  const base = endpoint.replace(/\/$/, '');
  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new metricExport.OTLPMetricExporter({ url: `${base}/v1/metrics` }),
        exportIntervalMillis: 15_000,
      }),
    ],
  });
  const tracers = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new traceExport.OTLPTraceExporter({ url: `${base}/v1/traces` }) }),
    ],
  });
  metrics.setGlobalMeterProvider(meters);
  trace.setGlobalTracerProvider(tracers);
  return {
    async stop() {
      await Promise.allSettled([meters.shutdown(), tracers.shutdown()]);
    },
  };
}

/**
 * Exports numbers as `muster.<part>.<name>`: those named in `gauges` as what is now, the others as running
 * totals. They are read when metrics are collected: nothing on the hot path.
 */
export function observeNumbers<Name extends string>(
  part: string,
  numbers: Readonly<Record<Name, number>>,
  gauges: readonly NoInfer<Name>[],
): void {
  const meter = metrics.getMeter(scope);
  for (const name of Object.keys(numbers) as Name[]) {
    const full = `muster.${part}.${name}`;
    const instrument = gauges.includes(name)
      ? meter.createObservableGauge(full)
      : meter.createObservableCounter(full);
    instrument.addCallback((result) => result.observe(numbers[name]));
  }
}

/** Runs `work` in a span named `name`; its failure is the span's. */
export async function inSpan<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  return trace.getTracer(scope).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
