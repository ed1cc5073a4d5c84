import type { Problem, ServerError } from '../server-error.ts';
import { FilesEditor } from './files-editor.tsx';
import { OverlaysEditor } from './overlays-editor.tsx';
import { TemplateHelp } from './template-help.tsx';
import type { TextDraft } from './text-draft.ts';
import { YamlField } from './yaml-field.tsx';

/** The arguments of a text, as the server names them. */
export const textFields = ['body', 'files', 'overlays'] as const;

/** Everything a version says, to edit: body, further files, overlays. */
export function ConfigurationFields({
  draft,
  onChange,
  problems,
  errors,
}: {
  draft: TextDraft;
  onChange: (draft: TextDraft) => void;
  /** What is wrong in the body; null: not checked yet. */
  problems: Problem[] | null;
  /** Why the text could not be saved. */
  errors: Partial<Record<(typeof textFields)[number], ServerError>>;
}) {
  return (
    <>
      <TemplateHelp />
      <YamlField
        label="Configuration (YAML)"
        required={draft.files.length === 0}
        value={draft.body}
        onChange={(body) => onChange({ ...draft, body })}
        problems={draft.body === '' && draft.files.length > 0 ? undefined : problems}
        refusal={errors.body}
      />
      <FilesEditor draft={draft} onChange={onChange} error={errors.files} />
      <OverlaysEditor draft={draft} onChange={onChange} error={errors.overlays} />
    </>
  );
}
