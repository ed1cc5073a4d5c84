import { Breakable } from './breakable.tsx';
import type { PairRow } from './pair-rows.ts';
import './pair-editor.css';

/** Labels to read. */
export function Labels({ labels }: { labels: Record<string, string> }) {
  const entries = Object.entries(labels).sort(([a], [b]) => a.localeCompare(b));
  if (entries.length === 0) return <p className="muted">none</p>;
  return (
    <ul className="labels">
      {entries.map(([name, value]) => (
        <li key={name}>
          <Breakable text={value === '' ? name : `${name}=${value}`} />
        </li>
      ))}
    </ul>
  );
}

const examples = { label: ['env', 'prod'], variable: ['endpoint', 'otel.example:4317'] } as const;

/** Labels or variables to change, a row each. */
export function PairEditor({
  noun,
  rows,
  onChange,
}: {
  noun: keyof typeof examples;
  rows: PairRow[];
  onChange: (rows: PairRow[]) => void;
}) {
  const title = noun === 'label' ? 'Label' : 'Variable';
  const [exampleName, exampleValue] = examples[noun];
  const nextId = Math.max(-1, ...rows.map(({ id }) => id)) + 1;
  const edit = (id: number, change: Partial<PairRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...change } : row)));

  return (
    <div className="pair-editor" role="group" aria-label={`${title}s`}>
      {rows.map((row) => (
        <div key={row.id} className="pair-editor-row">
          <input
            className="input mono"
            aria-label={`${title} name`}
            placeholder={exampleName}
            value={row.name}
            onChange={(event) => edit(row.id, { name: event.target.value })}
          />
          <input
            className="input mono"
            aria-label={`${title} value`}
            placeholder={exampleValue}
            value={row.value}
            onChange={(event) => edit(row.id, { value: event.target.value })}
          />
          <button
            type="button"
            className="button button-small"
            aria-label={`Remove ${noun} ${row.name}`}
            onClick={() => onChange(rows.filter(({ id }) => id !== row.id))}
          >
            Remove
          </button>
        </div>
      ))}
      <div>
        <button
          type="button"
          className="button button-small"
          onClick={() => onChange([...rows, { id: nextId, name: '', value: '' }])}
        >
          Add {noun}
        </button>
      </div>
    </div>
  );
}
