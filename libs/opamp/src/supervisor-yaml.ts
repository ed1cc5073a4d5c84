/**
 * A complete configuration of opampsupervisor that brings a collector to `endpoint`, an OpAMP URL. Both
 * the start's banner and the web UI show it.
 */
export function supervisorYaml(endpoint: string, enrollmentToken: string): string {
  return `server:
  endpoint: ${endpoint}
  headers:
    Authorization: Bearer ${enrollmentToken}
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
  bootstrap_timeout: 30s
storage:
  directory: ./supervisor-data
`;
}
