import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import type { Problem } from '../server-error.ts';
import { validateConfigurationMutation } from './configurations.queries.ts';

const typingMilliseconds = 500;

/** What the server finds in a text: asked when typing pauses. Null: not known for this text yet. */
export function useProblems(body: string): Problem[] | null {
  const client = useClient();
  const [found, setFound] = useState<{ body: string; problems: Problem[] } | null>(null);

  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      void client
        .mutation(validateConfigurationMutation, { body })
        .toPromise()
        .then(({ data }) => {
          if (current && data) setFound({ body, problems: data.validateConfiguration });
        });
    }, typingMilliseconds);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [client, body]);

  return found?.body === body ? found.problems : null;
}
