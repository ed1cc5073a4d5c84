import { SelectorField } from '../agents/selector-field.tsx';
import type { Problem, ServerError } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { Field } from '../ui/field.tsx';
import { Panel } from '../ui/panel.tsx';
import { added, moved, type OverlayDraft, type TextDraft } from './text-draft.ts';
import { YamlField } from './yaml-field.tsx';
import './part-editor.css';

/** What is merged onto the texts for the agents that match, in the order it is merged. */
export function OverlaysEditor({
  draft,
  onChange,
  problems,
  error,
}: {
  draft: TextDraft;
  onChange: (draft: TextDraft) => void;
  problems: Problem[] | null;
  error: ServerError | undefined;
}) {
  const { overlays } = draft;
  const change = (changed: OverlayDraft[]) => onChange({ ...draft, overlays: changed });
  const add = () => change(added<Omit<OverlayDraft, 'id'>>(overlays, { selector: '', file: '', body: '' }));
  const faulty = Number(/^overlays\[(\d+)\]/.exec(error?.field ?? '')?.[1] ?? -1);

  return (
    <Panel
      title="Overlays"
      aside={
        <button type="button" className="button button-small" onClick={add}>
          Add overlay
        </button>
      }
    >
      <p className="muted">
        An overlay is YAML for the agents its selector matches. Overlays are merged from the first to the
        last: where two set the same value, the later one counts.
      </p>
      {overlays.length > 0 && (
        <ol className="parts" aria-label="Overlays in the order they are merged">
          {overlays.map((overlay, index) => (
            <li key={overlay.id}>
              <div className="part-bar">
                <h3>Overlay {index + 1}</h3>
                <PartButtons
                  name={`overlay ${index + 1}`}
                  first={index === 0}
                  last={index === overlays.length - 1}
                  onMove={(by) => change(moved(overlays, index, by))}
                  onRemove={() => change(overlays.filter(({ id }) => id !== overlay.id))}
                />
              </div>
              <OverlayFields
                index={index}
                overlay={overlay}
                files={draft.files.map(({ name }) => name.trim()).filter(Boolean)}
                problems={problems && problems.filter(({ file }) => file === `overlays[${index}]`)}
                error={index === faulty ? error : undefined}
                onChange={(changed) => change(overlays.with(index, changed))}
              />
            </li>
          ))}
        </ol>
      )}
      {error && !overlays[faulty] && <ErrorNotice errors={[error]} />}
    </Panel>
  );
}

function PartButtons(props: {
  name: string;
  first: boolean;
  last: boolean;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}) {
  return (
    <span className="row">
      <button
        type="button"
        className="button button-small"
        aria-label={`Move ${props.name} up`}
        disabled={props.first}
        onClick={() => props.onMove(-1)}
      >
        Up
      </button>
      <button
        type="button"
        className="button button-small"
        aria-label={`Move ${props.name} down`}
        disabled={props.last}
        onClick={() => props.onMove(1)}
      >
        Down
      </button>
      <button
        type="button"
        className="button button-small"
        aria-label={`Remove ${props.name}`}
        onClick={props.onRemove}
      >
        Remove
      </button>
    </span>
  );
}

function OverlayFields({
  index,
  overlay,
  files,
  problems,
  error,
  onChange,
}: {
  index: number;
  overlay: OverlayDraft;
  files: string[];
  problems: Problem[] | null;
  error: ServerError | undefined;
  onChange: (overlay: OverlayDraft) => void;
}) {
  const isOfSelector = error?.field?.endsWith('.selector') ?? false;
  const others = overlay.file === '' || files.includes(overlay.file) ? files : [...files, overlay.file];
  return (
    <>
      <div className="part-fields">
        <SelectorField
          label={`Selector of overlay ${index + 1}`}
          value={overlay.selector}
          onChange={(selector) => onChange({ ...overlay, selector })}
          error={isOfSelector ? error : undefined}
        />
        <Field label={`File of overlay ${index + 1}`}>
          {(control) => (
            <select
              {...control}
              className="input"
              value={overlay.file}
              onChange={(event) => onChange({ ...overlay, file: event.target.value })}
            >
              <option value="">body</option>
              {others.map((name) => (
                <option key={name} value={name}>
                  {files.includes(name) ? name : `${name} (made by this overlay)`}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <YamlField
        short
        required
        label={`Text of overlay ${index + 1} (YAML)`}
        value={overlay.body}
        onChange={(body) => onChange({ ...overlay, body })}
        problems={problems}
        refusal={isOfSelector ? undefined : error}
      />
    </>
  );
}
