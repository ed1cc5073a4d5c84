import type { ReactNode } from 'react';
import { Breakable } from './breakable.tsx';
import './key-values.css';

/** Names with their values, in two columns. */
export function KeyValues({ entries, mono = false }: { entries: [string, ReactNode][]; mono?: boolean }) {
  return (
    <dl className={mono ? 'key-values key-values-mono' : 'key-values'}>
      {entries.map(([key, value]) => (
        <div key={key}>
          <dt>
            <Breakable text={key} />
          </dt>
          <dd>{typeof value === 'string' ? <Breakable text={value} /> : value}</dd>
        </div>
      ))}
    </dl>
  );
}
