import { useState } from 'react';
import { useMutation } from 'urql';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { Notice } from '../ui/notice.tsx';
import { PairForm } from '../ui/pair-form.tsx';
import { toRows, type PairRow } from '../ui/pair-rows.ts';
import { Panel } from '../ui/panel.tsx';
import { StatusChip } from '../ui/status-chip.tsx';
import { putVariablesMutation, type Fleet } from './fleets.queries.ts';
import { compareVariables, type ComparedVariable } from './variables.ts';

/** What templates read as `variables`: to see beside the stable values, and to change. */
export function VariablesPanel({ fleet }: { fleet: Fleet }) {
  const [rows, setRows] = useState<PairRow[] | null>(null);
  if (rows) {
    return <EditVariables fleet={fleet} rows={rows} onChange={setRows} onDone={() => setRows(null)} />;
  }
  const edit = () => {
    const known = toRows(fleet.variables);
    setRows(known.length > 0 ? known : [{ id: 0, name: '', value: '' }]);
  };
  const compared = compareVariables(fleet.variables, fleet.stableVariables);
  const changed = fleet.version !== null && compared.some(({ change }) => change !== null);
  return (
    <Panel
      title="Variables"
      aside={
        <button type="button" className="button button-small" onClick={edit}>
          Edit variables
        </button>
      }
    >
      <p className="muted">
        Templates read them as <code>{'{{ variables.name }}'}</code>. What you change counts from the next
        rollout on.
      </p>
      {changed && (
        <Notice tone="info" role="status">
          <p>The values differ from the stable ones, which agents have until the next rollout.</p>
        </Notice>
      )}
      {compared.length > 0 && (
        <DataTable
          label="Variables"
          columns={fleet.version === null ? columns.slice(0, 2) : columns}
          rows={compared}
          rowKey={({ name }) => name}
        />
      )}
    </Panel>
  );
}

const columns: Column<ComparedVariable>[] = [
  { header: 'Variable', cell: ({ name }) => <code>{name}</code> },
  { header: 'Next rollout', cell: ({ next }) => <Value value={next} />, kind: 'text' },
  { header: 'Stable', cell: ({ stable }) => <Value value={stable} />, kind: 'text' },
  { header: 'Change', cell: ({ change }) => change && <StatusChip tone="info">{change}</StatusChip> },
];

function Value({ value }: { value: string | null }) {
  return value === null ? <span className="muted">–</span> : <code>{value}</code>;
}

function EditVariables({
  fleet,
  rows,
  onChange,
  onDone,
}: {
  fleet: Fleet;
  rows: PairRow[];
  onChange: (rows: PairRow[]) => void;
  onDone: () => void;
}) {
  const [result, put] = useMutation(putVariablesMutation);
  const save = async (variables: Record<string, string>) => {
    const { name, selector } = fleet;
    const { error } = await put({ name, selector, variables });
    if (!error) onDone();
  };
  return (
    <Panel title="Variables">
      <PairForm
        noun="variable"
        rows={rows}
        note="They count from the next rollout on."
        result={result}
        onChange={onChange}
        onSave={(variables) => void save(variables)}
        onCancel={onDone}
      />
    </Panel>
  );
}
