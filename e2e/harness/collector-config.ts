/** A configuration that serves OTLP over HTTP on `port` and keeps nothing; `note` makes versions differ. */
export function servingOtlp(port: number, note = 'first'): string {
  return `# ${note}
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:${port}
exporters:
  nop:
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [nop]
`;
}

/** Of components that the collector has, with a setting that none of them knows. */
export const refusedByCollectors = `receivers:
  otlp:
    protocols:
      http:
        teleporter: true
exporters:
  nop:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [nop]
`;

/** True when a collector takes OTLP on the port. */
export async function servesOtlp(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  }).catch(() => null);
  return answer?.ok ?? false;
}
