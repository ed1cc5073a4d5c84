import { Fragment } from 'react';
import { diffLines, toHunks, type DiffLine, type Hunk } from './line-diff.ts';
import { parseUnifiedDiff } from './unified-diff.ts';
import './diff-view.css';

const signs: Record<DiffLine['kind'], string> = { same: ' ', added: '+', removed: '-' };

/** What changed between two texts, line by line. */
export function DiffView({ title, before, after }: { title: string; before: string; after: string }) {
  const hunks = toHunks(diffLines(before, after));
  if (hunks.length === 0) return <p className="muted">{title}: no difference.</p>;
  return <HunkView title={title} hunks={hunks} />;
}

/** A difference as the server tells it, in unified format, file by file. */
export function UnifiedDiffView({ title, diff }: { title: string; diff: string }) {
  const files = parseUnifiedDiff(diff);
  if (files.length === 0) return <p className="muted">{title}: no difference.</p>;
  return files.map((file) => (
    <HunkView
      key={`${file.before} ${file.after}`}
      title={files.length > 1 ? `${title}: ${file.before} → ${file.after}` : title}
      hunks={file.hunks}
    />
  ));
}

/** Lines of a difference that are shown: a page of more answers nobody. */
const mostLines = 5_000;

function HunkView({ title, hunks: all }: { title: string; hunks: Hunk[] }) {
  const { hunks, left } = firstLines(all);
  return (
    <figure className="code-view">
      <figcaption className="code-view-bar">
        <span className="break">{title}</span>
        <ChangeCount lines={all.flatMap((hunk) => hunk.lines)} />
      </figcaption>
      <div className="code-view-scroll" role="region" aria-label={title} tabIndex={0}>
        <table className="diff">
          <tbody>
            {hunks.map((hunk) => (
              <Fragment key={`${hunk.lines[0]?.before}-${hunk.lines[0]?.after}`}>
                {hunk.hidden > 0 && (
                  <tr className="diff-hidden">
                    <td colSpan={3}>
                      {hunk.hidden === 1 ? '1 unchanged line' : `${hunk.hidden} unchanged lines`}
                    </td>
                  </tr>
                )}
                {hunk.lines.map((line) => (
                  <tr key={`${line.before}-${line.after}`} className={`diff-${line.kind}`}>
                    <td className="diff-number">{line.before}</td>
                    <td className="diff-number">{line.after}</td>
                    <td className="diff-text">
                      {signs[line.kind]} {line.text}
                    </td>
                  </tr>
                ))}
              </Fragment>
            ))}
            {left > 0 && (
              <tr className="diff-hidden">
                <td colSpan={3}>{left} more lines are not shown</td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

function ChangeCount({ lines }: { lines: DiffLine[] }) {
  const count = (kind: DiffLine['kind']) => lines.filter((line) => line.kind === kind).length;
  return (
    <span className="mono">
      +{count('added')} −{count('removed')}
    </span>
  );
}

function firstLines(all: Hunk[]): { hunks: Hunk[]; left: number } {
  const hunks: Hunk[] = [];
  let room = mostLines;
  for (const { hidden, lines } of all) {
    if (room > 0) hunks.push({ hidden, lines: lines.slice(0, room) });
    room -= lines.length;
  }
  return { hunks, left: Math.max(0, -room) };
}
