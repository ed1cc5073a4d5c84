import { useState, type SubmitEvent } from 'react';
import { useMutation } from 'urql';
import { serverErrors } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { PairEditor, Labels } from '../ui/pair-editor.tsx';
import { fromRows, toRows, type PairRow } from '../ui/pair-rows.ts';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { setAgentLabelsMutation } from './agents.queries.ts';

/** What operators say of an agent. */
export function LabelsPanel({ uid, labels }: { uid: string; labels: Record<string, string> }) {
  const [rows, setRows] = useState<PairRow[] | null>(null);
  if (rows) return <EditLabels uid={uid} rows={rows} onChange={setRows} onDone={() => setRows(null)} />;
  const edit = () =>
    setRows(Object.keys(labels).length > 0 ? toRows(labels) : [{ id: 0, name: '', value: '' }]);
  return (
    <Panel
      title="Labels"
      aside={
        <button type="button" className="button button-small" onClick={edit}>
          Edit labels
        </button>
      }
    >
      <Labels labels={labels} />
    </Panel>
  );
}

function EditLabels({
  uid,
  rows,
  onChange,
  onDone,
}: {
  uid: string;
  rows: PairRow[];
  onChange: (rows: PairRow[]) => void;
  onDone: () => void;
}) {
  const [result, setLabels] = useMutation(setAgentLabelsMutation);
  const read = fromRows(rows, 'label');

  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    if ('error' in read) return;
    const { error } = await setLabels({ uid, labels: read.pairs });
    if (!error) onDone();
  };

  return (
    <Panel title="Labels">
      <form className="stack" onSubmit={(event) => void save(event)}>
        <PairEditor noun="label" rows={rows} onChange={onChange} />
        {'error' in read && (
          <Notice tone="bad" role="status">
            {read.error}
          </Notice>
        )}
        <ErrorNotice errors={serverErrors(result.error)} />
        <div className="form-actions">
          <button
            type="submit"
            className="button button-primary"
            disabled={result.fetching || 'error' in read}
          >
            Save labels
          </button>
          <button type="button" className="button" onClick={onDone}>
            Cancel
          </button>
        </div>
      </form>
    </Panel>
  );
}
