import { CodeView } from '../ui/code-view.tsx';
import { DiffView } from './diff-view.tsx';
import { changedParts, textParts, type ConfigurationText, type PartChange } from './version-text.ts';

/** All that a version says, to read. */
export function VersionText({ title, text }: { title: string; text: ConfigurationText }) {
  const parts = textParts(text);
  if (parts.length === 1) return <CodeView title={title} text={parts[0]?.text ?? ''} />;
  return (
    <section className="stack" aria-label={title}>
      {text.overlays.length > 1 && (
        <p className="muted">
          Overlays are merged in this order: where two set the same value, the later one counts.
        </p>
      )}
      {parts.map((part) => (
        <CodeView key={part.key} title={part.title} text={part.text} />
      ))}
    </section>
  );
}

/** What changed between two versions, text by text. */
export function VersionChanges({
  title,
  before,
  after,
}: {
  title: string;
  before: ConfigurationText;
  after: ConfigurationText;
}) {
  const changes = changedParts(before, after);
  if (changes.length === 0) return <p className="muted">{title}: no difference.</p>;
  return (
    <section className="stack" aria-label={title}>
      {changes.map((change) =>
        change.before === change.after ? (
          <p key={change.key} className="muted">
            {title}: {change.title} was {change.movedFrom?.split(':')[0]?.toLowerCase()}.
          </p>
        ) : (
          <DiffView
            key={change.key}
            title={`${title}: ${change.title}${note(change)}`}
            before={change.before ?? ''}
            after={change.after ?? ''}
          />
        ),
      )}
    </section>
  );
}

function note({ before, after }: PartChange): string {
  if (before === null) return ' (added)';
  return after === null ? ' (removed)' : '';
}
