import type { Problem, ServerError } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { TextField } from '../ui/field.tsx';
import { Panel } from '../ui/panel.tsx';
import { added, renameFile, type FileDraft, type TextDraft } from './text-draft.ts';
import { YamlField } from './yaml-field.tsx';
import './part-editor.css';

/** Files beside the body, each with its name. */
export function FilesEditor({
  draft,
  onChange,
  problems,
  rendered,
  error,
}: {
  draft: TextDraft;
  onChange: (draft: TextDraft) => void;
  problems: Problem[] | null;
  rendered: boolean;
  error: ServerError | undefined;
}) {
  const add = () =>
    onChange({ ...draft, files: added<Omit<FileDraft, 'id'>>(draft.files, { name: '', text: '' }) });
  const change = (id: number, text: string) =>
    onChange({ ...draft, files: draft.files.map((file) => (file.id === id ? { ...file, text } : file)) });

  return (
    <Panel
      title="Further files"
      aside={
        <button type="button" className="button button-small" onClick={add}>
          Add file
        </button>
      }
    >
      {draft.files.length === 0 && (
        <p className="muted">None: agents get the text above as their one configuration file.</p>
      )}
      {draft.files.length > 0 && (
        <ol className="parts" aria-label="Files">
          {draft.files.map(({ id, name, text }, index) => (
            <li key={id}>
              <div className="part-head">
                <TextField
                  label={`Name of file ${index + 1}`}
                  className="mono"
                  placeholder="exporters.yaml"
                  required
                  spellCheck={false}
                  value={name}
                  onChange={(changed) => onChange(renameFile(draft, id, changed))}
                />
                <button
                  type="button"
                  className="button button-small"
                  aria-label={`Remove file ${index + 1}`}
                  onClick={() => onChange({ ...draft, files: draft.files.filter((file) => file.id !== id) })}
                >
                  Remove
                </button>
              </div>
              <YamlField
                short
                label={`Text of file ${index + 1} (YAML)`}
                value={text}
                problems={problems && problems.filter(({ file }) => file === name.trim())}
                rendered={rendered}
                onChange={(changed) => change(id, changed)}
              />
            </li>
          ))}
        </ol>
      )}
      {error && <ErrorNotice errors={[error]} />}
    </Panel>
  );
}
