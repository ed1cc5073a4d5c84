import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { serverErrors } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { agentTitle, type AgentDetail } from './agent.ts';
import { deleteAgentMutation, restartAgentMutation } from './agents.queries.ts';

/** What a person can do to an agent. */
export function AgentActions({ agent }: { agent: AgentDetail }) {
  const [asking, setAsking] = useState<'restart' | 'delete' | null>(null);
  const [restartSent, setRestartSent] = useState(false);
  const canRestart = agent.status === 'connected' && agent.capabilities.includes('AcceptsRestartCommand');
  const close = () => setAsking(null);

  return (
    <>
      <button
        type="button"
        className="button"
        disabled={!canRestart}
        title={canRestart ? undefined : 'The agent is offline, or does not accept a restart command.'}
        onClick={() => setAsking('restart')}
      >
        Restart
      </button>
      <button type="button" className="button button-danger" onClick={() => setAsking('delete')}>
        Delete
      </button>
      <span role="status" className="muted">
        {restartSent && 'Restart sent'}
      </span>
      {asking === 'restart' && (
        <RestartDialog
          agent={agent}
          onClose={close}
          onSent={() => {
            setRestartSent(true);
            close();
          }}
        />
      )}
      {asking === 'delete' && <DeleteDialog agent={agent} onClose={close} />}
    </>
  );
}

function RestartDialog(props: { agent: AgentDetail; onClose: () => void; onSent: () => void }) {
  const [{ fetching, error }, restart] = useMutation(restartAgentMutation);
  const confirm = async () => {
    const result = await restart({ uid: props.agent.uid });
    if (!result.error) props.onSent();
  };
  return (
    <ConfirmDialog
      title={`Restart ${agentTitle(props.agent)}?`}
      action="Restart agent"
      busy={fetching}
      errors={serverErrors(error)}
      onConfirm={() => void confirm()}
      onCancel={props.onClose}
    >
      <p>The collector stops and starts again. It processes no telemetry in between.</p>
    </ConfirmDialog>
  );
}

function DeleteDialog({ agent, onClose }: { agent: AgentDetail; onClose: () => void }) {
  const navigate = useNavigate();
  const [{ fetching, error }, remove] = useMutation(deleteAgentMutation);
  const confirm = async () => {
    const result = await remove({ uid: agent.uid });
    if (!result.error) await navigate('/agents');
  };
  return (
    <ConfirmDialog
      title={`Delete ${agentTitle(agent)}?`}
      action="Delete agent"
      busy={fetching}
      errors={serverErrors(error)}
      onConfirm={() => void confirm()}
      onCancel={onClose}
    >
      <p>Muster forgets this agent, its labels and its history. If it connects again, it is a new agent.</p>
    </ConfirmDialog>
  );
}
