import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import { serverErrors, type Problem, type ServerError } from '../server-error.ts';
import { validateConfigurationMutation, type ValidationScope } from './configurations.queries.ts';
import { fromDraft, type TextDraft } from './text-draft.ts';

const typingMilliseconds = 500;

/** What the server finds in a text: asked when typing pauses. Null: not known for this text yet. */
export function useProblems(draft: TextDraft, scope: ValidationScope): Problem[] | null {
  const client = useClient();
  const [found, setFound] = useState<{ asked: string; problems: Problem[] } | null>(null);
  const text = fromDraft(draft);
  const asked = 'error' in text ? null : JSON.stringify({ ...text, ...scope });

  useEffect(() => {
    if (asked === null) return;
    let current = true;
    const timer = setTimeout(() => {
      void client
        .mutation(validateConfigurationMutation, JSON.parse(asked))
        .toPromise()
        .then(({ data, error }) => {
          if (!current) return;
          const problems = data?.validateConfiguration.problems ?? serverErrors(error).map(whyUnchecked);
          setFound({ asked, problems });
        });
    }, typingMilliseconds);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [client, asked]);

  return found?.asked === asked ? found.problems : null;
}

/** A text that cannot be checked has that as its problem. */
function whyUnchecked({ field, message }: ServerError): Problem {
  const file = /^overlays\[\d+\]/.exec(field ?? '')?.[0] ?? '';
  return {
    severity: 'error',
    message,
    path: null,
    line: null,
    column: null,
    file,
    agents: [],
    agentCount: null,
  };
}
