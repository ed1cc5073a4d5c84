import { useState } from 'react';
import { useNavigate } from 'react-router';
import { useMutation } from 'urql';
import { serverErrors } from '../server-error.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { restoreVersionMutation } from './configurations.queries.ts';

/** Makes the text of an older version the newest version, once it has asked. */
export function RestoreVersion({ name, version, latest }: { name: string; version: number; latest: number }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const [{ fetching, error }, restore] = useMutation(restoreVersionMutation);
  const confirm = async () => {
    const { data } = await restore({ name, version });
    if (!data) return;
    setAsking(false);
    const restored = data.restoreConfigurationVersion.version;
    await navigate(`/configurations/${name}?version=${restored}&compare=${latest}`);
  };
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        Restore v{version}
      </button>
      {asking && (
        <ConfirmDialog
          title={`Restore ${name} v${version}?`}
          action={`Make v${latest + 1} from v${version}`}
          tone="primary"
          busy={fetching}
          errors={serverErrors(error)}
          onConfirm={() => void confirm()}
          onCancel={() => setAsking(false)}
        >
          <p>
            Version {latest + 1} is made with the text of version {version}. This changes nothing on any
            agent: a rollout does.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
