import { useEffect, useState } from 'react';
import { useQuery, type CombinedError } from 'urql';
import type { BlastRadius } from './blast-radius.ts';
import { previewRolloutQuery, type RolloutPlan } from './rollouts.queries.ts';

const typingMilliseconds = 500;
const nothing: RolloutPlan = { fleet: '', configuration: '', version: 0, policy: {} };

/**
 * What a rollout would do: asked when typing pauses. `plan` null: it is not complete. `counting`: an answer
 * for this very plan is still to come.
 */
export function useBlastRadius(plan: RolloutPlan | null): {
  radius: BlastRadius | null;
  counting: boolean;
  error: CombinedError | undefined;
} {
  const wanted = plan && JSON.stringify(plan);
  const [settled, setSettled] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), typingMilliseconds);
    return () => clearTimeout(timer);
  }, [wanted]);
  const [{ data, error, fetching }] = useQuery({
    query: previewRolloutQuery,
    variables: settled === null ? nothing : (JSON.parse(settled) as RolloutPlan),
    pause: settled === null,
    requestPolicy: 'network-only',
  });
  const isCurrent = settled === wanted && !fetching;
  return {
    radius: isCurrent ? (data?.previewRollout ?? null) : null,
    counting: wanted !== null && !isCurrent,
    error: isCurrent ? error : undefined,
  };
}
