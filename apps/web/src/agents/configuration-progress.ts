import type { ConfigurationStatus } from './agent.ts';

export interface Step {
  label: string;
  state: 'done' | 'current' | 'failed' | 'todo';
}

const order = ['offered', 'applying', 'applied'] as const;

/** How far the target configuration has come on an agent, from the offer to a healthy agent. */
export function configurationSteps(status: ConfigurationStatus, healthy: boolean | null): Step[] {
  if (status === 'none') return [];
  if (status === 'applied') {
    return [...order.map((label): Step => ({ label, state: 'done' })), healthStep(healthy)];
  }
  if (status === 'failed') {
    return [
      { label: 'offered', state: 'done' },
      { label: 'failed', state: 'failed' },
    ];
  }
  const reached = order.findIndex((label) => label === status);
  const steps = order.map((label, index): Step => {
    if (index < reached) return { label, state: 'done' };
    return { label, state: index === reached ? 'current' : 'todo' };
  });
  return [...steps, { label: 'healthy', state: 'todo' }];
}

function healthStep(healthy: boolean | null): Step {
  if (healthy === null) return { label: 'healthy', state: 'todo' };
  return healthy ? { label: 'healthy', state: 'done' } : { label: 'unhealthy', state: 'failed' };
}
