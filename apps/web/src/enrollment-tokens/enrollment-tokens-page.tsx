import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { serverErrors } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { DataTable, type Column } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Labels } from '../ui/pair-editor.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { StatusChip } from '../ui/status-chip.tsx';
import { TimeAgo } from '../ui/time-ago.tsx';
import { CreateToken } from './create-token.tsx';
import { CreatedTokenPanel } from './created-token.tsx';
import {
  enrollmentTokensQuery,
  revokeEnrollmentTokenMutation,
  updateEnrollmentTokenMutation,
  type EnrollmentToken,
} from './enrollment-tokens.queries.ts';
import { tokenState, tokenTones } from './token-state.ts';

/** Tokens that let agents in for the first time. */
export function EnrollmentTokensPage() {
  const [{ data, error }, refetch] = useQuery({ query: enrollmentTokensQuery, variables: {} });
  const [step, setStep] = useState<'list' | 'form' | { created: string }>('list');
  const [revoking, setRevoking] = useState<EnrollmentToken | null>(null);
  const [changing, setChanging] = useState<EnrollmentToken | null>(null);
  const tokens = data?.enrollmentTokens ?? [];
  const reload = () => refetch({ requestPolicy: 'network-only' });

  return (
    <>
      <PageHeader
        title="Enrollment tokens"
        actions={
          step === 'list' && (
            <button type="button" className="button button-primary" onClick={() => setStep('form')}>
              New token
            </button>
          )
        }
      >
        A token lets an agent in for the first time. Muster keeps only a hash of it.
      </PageHeader>
      {step === 'form' && (
        <CreateToken
          onCancel={() => setStep('list')}
          onCreated={(created) => {
            setStep({ created });
            reload();
          }}
        />
      )}
      {typeof step === 'object' && <CreatedTokenPanel token={step.created} onDone={() => setStep('list')} />}
      <ErrorNotice errors={serverErrors(error)} />
      {tokens.length > 0 && (
        <DataTable
          label="Enrollment tokens"
          columns={[...columns, takeOverColumn(setChanging), revokeColumn(setRevoking)]}
          rows={tokens}
          rowKey={({ id }) => id}
        />
      )}
      {data && tokens.length === 0 && step === 'list' && (
        <EmptyState title="No enrollment tokens yet">
          <p>Create one to enrol your first collector; you get a supervisor.yaml that is ready to use.</p>
        </EmptyState>
      )}
      {changing && (
        <TakeOverDialog
          token={changing}
          onClose={() => setChanging(null)}
          onChanged={() => {
            setChanging(null);
            reload();
          }}
        />
      )}
      {revoking && (
        <RevokeDialog
          token={revoking}
          onClose={() => setRevoking(null)}
          onRevoked={() => {
            setRevoking(null);
            reload();
          }}
        />
      )}
    </>
  );
}

const columns: Column<EnrollmentToken>[] = [
  { header: 'Name', cell: ({ name }) => name },
  {
    header: 'State',
    cell: (token) => {
      const state = tokenState(token, Date.now());
      return <StatusChip tone={tokenTones[state]}>{state}</StatusChip>;
    },
  },
  {
    header: 'Uses',
    cell: ({ uses, maxUses }) => (maxUses === null ? uses : `${uses} of ${maxUses}`),
    kind: 'number',
  },
  { header: 'Expires', cell: ({ expiresAt }) => (expiresAt ? <TimeAgo at={expiresAt} /> : 'never') },
  { header: 'Created', cell: ({ createdAt }) => <TimeAgo at={createdAt} /> },
  { header: 'By', cell: ({ createdBy }) => createdBy },
  { header: 'Labels for its agents', cell: ({ labels }) => <Labels labels={labels} />, kind: 'text' },
];

function takeOverColumn(onChange: (token: EnrollmentToken) => void): Column<EnrollmentToken> {
  return {
    header: 'Takes over agents of other tokens',
    cell: (token) => (
      <>
        {token.mayTakeOver ? 'yes' : 'no'}{' '}
        {token.revokedAt === null && (
          <button
            type="button"
            className="button button-small"
            aria-label={`${takeOverAction(token)} take-over by ${token.name}`}
            onClick={() => onChange(token)}
          >
            {takeOverAction(token)}
          </button>
        )}
      </>
    ),
  };
}

function takeOverAction({ mayTakeOver }: EnrollmentToken): string {
  return mayTakeOver ? 'Forbid' : 'Allow';
}

function TakeOverDialog(props: { token: EnrollmentToken; onClose: () => void; onChanged: () => void }) {
  const { id, name, mayTakeOver } = props.token;
  const [{ fetching, error }, update] = useMutation(updateEnrollmentTokenMutation);
  const confirm = async () => {
    const result = await update({ id, mayTakeOver: !mayTakeOver });
    if (!result.error) props.onChanged();
  };
  return (
    <ConfirmDialog
      title={
        mayTakeOver
          ? `Let ${name} take over no more agents?`
          : `Let ${name} take over agents of other tokens?`
      }
      action={takeOverAction(props.token)}
      busy={fetching}
      errors={serverErrors(error)}
      onConfirm={() => void confirm()}
      onCancel={props.onClose}
    >
      <p>
        {mayTakeOver
          ? 'Agents that came over to this token stay its own. Agents of other tokens are refused from now on.'
          : 'Whoever has this token may speak for any agent of another token that is away, and gets its configuration. The agent belongs to this token from then on. Allow it while agents change their token, and forbid it after.'}
      </p>
    </ConfirmDialog>
  );
}

function revokeColumn(onRevoke: (token: EnrollmentToken) => void): Column<EnrollmentToken> {
  return {
    header: 'Actions',
    cell: (token) =>
      token.revokedAt === null && (
        <button
          type="button"
          className="button button-small button-danger"
          aria-label={`Revoke ${token.name}`}
          onClick={() => onRevoke(token)}
        >
          Revoke
        </button>
      ),
  };
}

function RevokeDialog(props: { token: EnrollmentToken; onClose: () => void; onRevoked: () => void }) {
  const [{ fetching, error }, revoke] = useMutation(revokeEnrollmentTokenMutation);
  const confirm = async () => {
    const result = await revoke({ id: props.token.id });
    if (!result.error) props.onRevoked();
  };
  return (
    <ConfirmDialog
      title={`Revoke ${props.token.name}?`}
      action="Revoke token"
      busy={fetching}
      errors={serverErrors(error)}
      onConfirm={() => void confirm()}
      onCancel={props.onClose}
    >
      <p>
        Agents that use this token are disconnected and cannot come back with it. The collectors themselves
        run on with what they have.
      </p>
      <p>
        They still belong to this token. To let them return as the same agents, make a new token that may take
        over agents of other tokens, and give it to them.
      </p>
    </ConfirmDialog>
  );
}
