import { supervisorYaml } from '@muster/opamp/supervisor-yaml';
import { useState } from 'react';
import { useQuery } from 'urql';
import { CodeView } from '../ui/code-view.tsx';
import { CopyButton } from '../ui/copy-button.tsx';
import { TextField } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { Panel } from '../ui/panel.tsx';
import { opampEndpointQuery } from './enrollment-tokens.queries.ts';
import './created-token.css';

/** The secret of a new token, once, and how to use it. */
export function CreatedTokenPanel({ token, onDone }: { token: string; onDone: () => void }) {
  const [{ data }] = useQuery({ query: opampEndpointQuery, variables: {} });
  const [changed, setEndpoint] = useState<string | null>(null);
  const endpoint = changed ?? data?.opampEndpoint ?? '';
  return (
    <Panel
      title="Your new token"
      aside={
        <button type="button" className="button button-small" onClick={onDone}>
          Done
        </button>
      }
    >
      <Notice tone="warn" title="Copy it now: it is not shown again.">
        <div className="created-token">
          <code>{token}</code>
          <CopyButton text={token} label="Copy token" />
        </div>
      </Notice>
      <TextField
        label="OpAMP endpoint"
        className="mono"
        value={endpoint}
        onChange={setEndpoint}
        hint="How your collectors reach Muster. Change it if they use another name or port."
      />
      <p>
        Put this beside <code>opampsupervisor</code> and your collector as <code>supervisor.yaml</code>, then
        run <code>./opampsupervisor --config supervisor.yaml</code>. The agent shows up under Agents within
        seconds.
      </p>
      <CodeView title="supervisor.yaml" text={supervisorYaml(endpoint, token)} />
    </Panel>
  );
}
