import type { SubmitEvent } from 'react';
import type { CombinedError } from 'urql';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from './error-notice.tsx';
import { Notice } from './notice.tsx';
import { PairEditor } from './pair-editor.tsx';
import { fromRows, type PairRow } from './pair-rows.ts';

/** Names with their values, to change and save: labels, variables. */
export function PairForm({
  noun,
  rows,
  note,
  result,
  onChange,
  onSave,
  onCancel,
}: {
  /** What one of them is called. */
  noun: 'label' | 'variable';
  rows: PairRow[];
  /** Said beside the buttons. */
  note?: string;
  /** Of the last save. */
  result: { fetching: boolean; error?: CombinedError };
  onChange: (rows: PairRow[]) => void;
  onSave: (pairs: Record<string, string>) => void;
  onCancel: () => void;
}) {
  const read = fromRows(rows, noun);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!('error' in read)) onSave(read.pairs);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <PairEditor noun={noun} rows={rows} onChange={onChange} />
      {'error' in read && (
        <Notice tone="bad" role="status">
          {read.error}
        </Notice>
      )}
      <ErrorNotice errors={serverErrors(result.error)} />
      <div className="form-actions">
        <button type="submit" className="button button-primary" disabled={result.fetching || 'error' in read}>
          Save {noun}s
        </button>
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        {note !== undefined && <span className="muted">{note}</span>}
      </div>
    </form>
  );
}
