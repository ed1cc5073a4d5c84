import { useEffect, useEffectEvent, useState } from 'react';
import { useSearchParams } from 'react-router';
import { useQuery } from 'urql';
import { fleetNamesQuery } from '../fleets/fleets.queries.ts';
import type { ServerError } from '../server-error.ts';
import { Field, TextField } from '../ui/field.tsx';
import { hasFilters, noFilters, writeFilters } from './agent-filters.ts';
import { agentStatuses, type AgentFinding, type AgentStatus } from './agent.ts';
import type { AgentFilters } from './agents.queries.ts';
import { SelectorError } from './selector-error.tsx';
import './agent-filter-bar.css';

const typingMilliseconds = 400;

/** Filters of the list of agents. They live in the URL; typing settles for a moment before it counts. */
export function AgentFilterBar({
  filters,
  selectorError,
}: {
  filters: AgentFilters;
  selectorError: ServerError | undefined;
}) {
  const [params, setParams] = useSearchParams();
  const [{ data }] = useQuery({ query: fleetNamesQuery, variables: {} });
  const apply = (change: Partial<AgentFilters>) =>
    setParams(writeFilters(params, { ...filters, ...change }), { replace: true });

  return (
    <search className="filter-bar">
      <SettledField
        label="Selector"
        placeholder="env=prod,region in (eu-1,us-1),!canary"
        className="mono"
        value={filters.selector ?? ''}
        onSettle={(selector) => apply({ selector })}
        error={selectorError && <SelectorError selector={filters.selector ?? ''} error={selectorError} />}
      />
      <SettledField
        label="Search"
        type="search"
        placeholder="name, host, uid, type or version"
        value={filters.search ?? ''}
        onSettle={(search) => apply({ search })}
      />
      <Field label="Status">
        {(control) => (
          <select
            {...control}
            className="input"
            value={filters.status ?? ''}
            onChange={(event) => apply({ status: (event.target.value || null) as AgentStatus | null })}
          >
            <option value="">any</option>
            {agentStatuses.map((status) => (
              <option key={status}>{status}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Fleet">
        {(control) => (
          <select
            {...control}
            className="input"
            value={filters.fleet ?? ''}
            onChange={(event) => apply({ fleet: event.target.value })}
          >
            <option value="">any</option>
            {fleetOptions(data?.fleets ?? [], filters.fleet).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Finding">
        {(control) => (
          <select
            {...control}
            className="input"
            value={filters.finding ?? ''}
            onChange={(event) => apply({ finding: (event.target.value || null) as AgentFinding | null })}
          >
            <option value="">any or none</option>
            <option value="credentials">credentials</option>
          </select>
        )}
      </Field>
      {hasFilters(filters) && (
        <button type="button" className="button" onClick={() => apply(noFilters)}>
          Clear filters
        </button>
      )}
    </search>
  );
}

/** The chosen fleet is an option even before the list has arrived. */
function fleetOptions(fleets: { name: string }[], chosen: string | null): string[] {
  const names = fleets.map(({ name }) => name);
  return chosen === null || names.includes(chosen) ? names : [chosen, ...names];
}

/** A text field that reports its value when typing pauses, and takes on values set from elsewhere. */
function SettledField({
  value,
  onSettle,
  ...field
}: Omit<Parameters<typeof TextField>[0], 'onChange'> & { onSettle: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [reported, setReported] = useState(value);
  const [seen, setSeen] = useState(value);
  if (value !== seen) {
    setSeen(value);
    // What was reported from here comes back as `value`; typing may have gone on meanwhile.
    if (value !== reported) {
      setReported(value);
      setTyped(value);
    }
  }

  const report = useEffectEvent(() => {
    setReported(typed);
    onSettle(typed);
  });
  useEffect(() => {
    if (typed === reported) return;
    const timer = setTimeout(report, typingMilliseconds);
    return () => clearTimeout(timer);
  }, [typed, reported]);

  return <TextField {...field} value={typed} onChange={setTyped} />;
}
