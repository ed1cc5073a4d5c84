import { StatusChip } from '../ui/status-chip.tsx';
import { configurationTones, type AgentStatus, type ConfigurationStatus } from './agent.ts';

export function AgentStatusChip({ status }: { status: AgentStatus }) {
  return <StatusChip tone={status === 'connected' ? 'ok' : 'idle'}>{status}</StatusChip>;
}

export function HealthChip({ healthy }: { healthy: boolean | null }) {
  if (healthy === null) return <StatusChip tone="idle">not reported</StatusChip>;
  return healthy ? <StatusChip tone="ok">healthy</StatusChip> : <StatusChip tone="bad">unhealthy</StatusChip>;
}

export function ConfigurationStatusChip({ status }: { status: ConfigurationStatus }) {
  return <StatusChip tone={configurationTones[status]}>{status}</StatusChip>;
}
