import { DataTable, type Column } from '../ui/data-table.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import type { AgentDetail, PackageStatus } from './agent.ts';

type Row = PackageStatus & { name: string };

const columns: Column<Row>[] = [
  { header: 'Package', cell: ({ name }) => name || '(top level)' },
  { header: 'Version', cell: ({ agentHasVersion }) => agentHasVersion },
  { header: 'Offered', cell: ({ serverOfferedVersion }) => serverOfferedVersion },
  { header: 'Status', cell: ({ status }) => status },
  { header: 'Error', cell: ({ errorMessage }) => errorMessage, kind: 'text' },
];

/** The packages an agent has. Nothing for agents that report none. */
export function PackagesPanel({ packages }: { packages: AgentDetail['packages'] }) {
  const rows = Object.entries(packages?.packages ?? {}).map(([name, status]) => ({ name, ...status }));
  if (!packages || (rows.length === 0 && !packages.errorMessage)) return null;
  return (
    <Panel title="Packages">
      {packages.errorMessage && (
        <Notice tone="bad">
          <p>{packages.errorMessage}</p>
        </Notice>
      )}
      <DataTable label="Packages" columns={columns} rows={rows} rowKey={({ name }) => name} />
    </Panel>
  );
}
