import {
  context,
  isSpanContextValid,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
} from '@opentelemetry/api';
import { describeProcess } from './process-identity.ts';
import type { Running } from './running.ts';

const scope = 'muster';

/**
 * Sends this process's own metrics and traces by OTLP over HTTP to `endpoint` (the base URL, as
 * OTEL_EXPORTER_OTLP_ENDPOINT holds it). Without an endpoint nothing is loaded and nothing is measured.
 * OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what the process says of itself. `instance` is the
 * `service.instance.id`, by default host and process id.
 */
export async function startTelemetry(
  service: string,
  endpoint: string | undefined,
  instance?: string,
): Promise<Running> {
  if (endpoint === undefined) return { stop: async () => {} };
  const [
    { AsyncLocalStorageContextManager },
    { W3CTraceContextPropagator },
    { MeterProvider, PeriodicExportingMetricReader },
    { TracerProvider, BatchSpanProcessor },
    resources,
    metricExport,
    traceExport,
  ] = await Promise.all([
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  const resource = resources.resourceFromAttributes({ ...describeProcess(service, instance) }).merge(
    resources.detectResources({
      detectors: [resources.hostDetector, resources.envDetector],
    }),
  );
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
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
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

/** The span under way, by the names that logs have for it; empty: there is none. */
export function spanUnderWay(): { trace_id?: string; span_id?: string } {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
}

/** The span under way, as a W3C `traceparent` header for another process; null: there is none. */
export function traceparent(): string | null {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier['traceparent'] ?? null;
}

/** Runs `work` under the span of another process that `traceparent` names, if it does. */
export function under<T>(parent: string | null | undefined, work: () => T): T {
  if (!parent) return work();
  return context.with(propagation.extract(ROOT_CONTEXT, { traceparent: parent }), work);
}

/** Runs `work` under no span: it goes on longer than the span that it happens to begin in. */
export function underNoSpan<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}
