import type { ReactNode } from 'react';
import './key-values.css';

/** Names with their values, in two columns. */
export function KeyValues({ entries, mono = false }: { entries: [string, ReactNode][]; mono?: boolean }) {
  return (
    <dl className={mono ? 'key-values key-values-mono' : 'key-values'}>
      {entries.map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
