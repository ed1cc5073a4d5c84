import { Breakable } from './breakable.tsx';
import type { LabelRow } from './label-rows.ts';
import './label-editor.css';

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

/** Labels to change, a row each. */
export function LabelEditor({ rows, onChange }: { rows: LabelRow[]; onChange: (rows: LabelRow[]) => void }) {
  const nextId = Math.max(-1, ...rows.map(({ id }) => id)) + 1;
  const edit = (id: number, change: Partial<LabelRow>) =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...change } : row)));

  return (
    <div className="label-editor" role="group" aria-label="Labels">
      {rows.map((row) => (
        <div key={row.id} className="label-editor-row">
          <input
            className="input mono"
            aria-label="Label name"
            placeholder="env"
            value={row.name}
            onChange={(event) => edit(row.id, { name: event.target.value })}
          />
          <input
            className="input mono"
            aria-label="Label value"
            placeholder="prod"
            value={row.value}
            onChange={(event) => edit(row.id, { value: event.target.value })}
          />
          <button
            type="button"
            className="button button-small"
            aria-label={`Remove label ${row.name}`}
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
          Add label
        </button>
      </div>
    </div>
  );
}
