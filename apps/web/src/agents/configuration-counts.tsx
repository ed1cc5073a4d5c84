import { configurationTones, type ConfigurationStatus } from './agent.ts';
import { CountBar } from '../ui/count-bar.tsx';

const order: ConfigurationStatus[] = ['applied', 'applying', 'offered', 'failed', 'deferred', 'none'];
const words: Record<ConfigurationStatus, string> = {
  applied: 'applied',
  applying: 'applying',
  offered: 'offered',
  failed: 'failed',
  deferred: 'deferred',
  none: 'without configuration',
};

/** How the agents stand with their configurations. */
export function ConfigurationCounts({ counts }: { counts: Partial<Record<ConfigurationStatus, number>> }) {
  const segments = order.map((status) => ({
    label: words[status],
    count: counts[status] ?? 0,
    tone: configurationTones[status],
  }));
  return <CountBar label="Configuration status" segments={segments} />;
}
