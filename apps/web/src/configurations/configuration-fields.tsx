import { useState } from 'react';
import { useQuery } from 'urql';
import { fleetNamesQuery } from '../fleets/fleets.queries.ts';
import type { Problem, ServerError } from '../server-error.ts';
import { SelectField } from '../ui/select-field.tsx';
import { FilesEditor } from './files-editor.tsx';
import { OverlaysEditor } from './overlays-editor.tsx';
import { TemplateHelp } from './template-help.tsx';
import type { TextDraft } from './text-draft.ts';
import { useProblems } from './use-problems.ts';
import { YamlField } from './yaml-field.tsx';
import './configuration-fields.css';

/** The arguments of a text, as the server names them. */
export const textFields = ['body', 'files', 'overlays'] as const;

/** Everything a version says, to edit, checked as it is typed: body, further files, overlays. */
export function ConfigurationFields({
  name,
  draft,
  onChange,
  errors,
}: {
  /** The configuration it is a version of; null: a new one. */
  name: string | null;
  draft: TextDraft;
  onChange: (draft: TextDraft) => void;
  /** Why the text could not be saved. */
  errors: Partial<Record<(typeof textFields)[number], ServerError>>;
}) {
  const [fleet, setFleet] = useState('');
  const problems = useProblems(draft, { name, fleet: fleet || null });
  const rendered = hasOtherLines(draft);
  return (
    <>
      <div className="checked-for">
        <CheckedFor isNew={name === null} fleet={fleet} onChange={setFleet} />
      </div>
      <TemplateHelp />
      <YamlField
        label="Configuration (YAML)"
        required={draft.files.length === 0}
        value={draft.body}
        onChange={(body) => onChange({ ...draft, body })}
        problems={problems && problems.filter((problem) => !hasOtherPlace(problem, draft))}
        rendered={rendered}
        refusal={errors.body}
      />
      <FilesEditor
        draft={draft}
        onChange={onChange}
        problems={problems}
        rendered={rendered}
        error={errors.files}
      />
      <OverlaysEditor draft={draft} onChange={onChange} problems={problems} error={errors.overlays} />
    </>
  );
}

/** Whose agents the text is checked for: what templates give, and which components are there, is theirs. */
function CheckedFor(props: { isNew: boolean; fleet: string; onChange: (fleet: string) => void }) {
  const [{ data }] = useQuery({ query: fleetNamesQuery, variables: {} });
  return (
    <SelectField
      label="Check it for the agents of"
      placeholder={props.isNew ? 'no fleet, the text alone' : 'the fleets that run this configuration'}
      required={false}
      options={(data?.fleets ?? []).map(({ name }) => ({ value: name, text: name }))}
      value={props.fleet}
      onChange={props.onChange}
    />
  );
}

/** Is a problem shown with a file or an overlay, rather than with the body? */
function hasOtherPlace({ file }: Problem, draft: TextDraft): boolean {
  const overlay = /^overlays\[(\d+)\]$/.exec(file)?.[1];
  if (overlay !== undefined) return Number(overlay) < draft.overlays.length;
  return file !== '' && draft.files.some(({ name }) => name.trim() === file);
}

/** Merging and blocks change which line of the template a rendered line comes from. */
function hasOtherLines({ body, files, overlays }: TextDraft): boolean {
  return overlays.length > 0 || [body, ...files.map(({ text }) => text)].some((text) => text.includes('{%'));
}
