import { useEffect, useState } from 'react';
import { useQuery } from 'urql';
import { agentTitle } from './agent.ts';
import { matchingAgentsQuery } from './agents.queries.ts';
import { SelectorError } from './selector-error.tsx';
import { byField, type ServerError } from '../server-error.ts';
import { TextField } from '../ui/field.tsx';

const typingMilliseconds = 400;

/** A selector, with the agents it matches counted while it is typed. */
export function SelectorField({
  label = 'Selector',
  value,
  onChange,
  error,
}: {
  label?: string;
  value: string;
  onChange: (value: string) => void;
  error: ServerError | undefined;
}) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), typingMilliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  const [matching] = useQuery({ query: matchingAgentsQuery, variables: { selector: settled } });
  const isCurrent = settled === value && !matching.fetching;
  const shown = isCurrent ? (byField(matching.error, ['selector']).fields.selector ?? error) : error;

  return (
    <TextField
      label={label}
      className="mono"
      placeholder="env=prod,region in (eu-1,us-1),!canary"
      spellCheck={false}
      value={value}
      onChange={onChange}
      error={shown && <SelectorError selector={value} error={shown} />}
      hint={
        <>
          Kubernetes label-selector text over attributes and labels (<code>label:env=prod</code>: labels
          alone, <code>token:edge</code>: agents of an enrollment token); empty matches every agent.{' '}
          <strong role="status">
            {isCurrent && !matching.error && matching.data && matchText(matching.data.agents)}
          </strong>
        </>
      }
    />
  );
}

function matchText({ total, items }: { total: number; items: { uid: string; name: string }[] }) {
  if (total === 0) return 'Matches no agent now.';
  const names = items.map(agentTitle).join(', ');
  const more = total > items.length ? ', …' : '';
  return `Matches ${total === 1 ? '1 agent' : `${total.toLocaleString()} agents`}: ${names}${more}`;
}
