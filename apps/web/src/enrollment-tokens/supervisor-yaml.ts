const opampPort = 4320;

/** Where agents most likely reach the gateway: this page's host, on the OpAMP port. */
export function defaultEndpoint(location: { protocol: string; hostname: string }): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.hostname}:${opampPort}/v1/opamp`;
}

/** A complete configuration of opampsupervisor. */
export function supervisorYaml(endpoint: string, token: string): string {
  return `server:
  endpoint: ${endpoint}
  headers:
    Authorization: Bearer ${token}
capabilities:
  accepts_remote_config: true
  accepts_restart_command: true
  reports_available_components: true
  reports_effective_config: true
  reports_health: true
  reports_heartbeat: true
  reports_remote_config: true
agent:
  executable: ./otelcol
  # refuse a configuration that the collector cannot load before it is stopped for it
  validate_config: true
  bootstrap_timeout: 30s
storage:
  directory: ./supervisor-data
`;
}
