import { useState } from 'react';
import { useMutation } from 'urql';
import { Labels } from '../ui/pair-editor.tsx';
import { PairForm } from '../ui/pair-form.tsx';
import { toRows, type PairRow } from '../ui/pair-rows.ts';
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
  const save = async (labels: Record<string, string>) => {
    const { error } = await setLabels({ uid, labels });
    if (!error) onDone();
  };
  return (
    <Panel title="Labels">
      <PairForm
        noun="label"
        rows={rows}
        result={result}
        onChange={onChange}
        onSave={(labels) => void save(labels)}
        onCancel={onDone}
      />
    </Panel>
  );
}
