import { useId, useRef } from 'react';
import type { Problem, ServerError } from '../server-error.ts';
import { ErrorNotice } from '../ui/error-notice.tsx';
import { caretOffset } from './caret.ts';
import { ProblemList } from './problem-list.tsx';
import './yaml-field.css';

/** Lines kept above the one a problem is in. */
const linesAbove = 4;

/** A text field for YAML with line numbers and what is wrong in the text. */
export function YamlField({
  label,
  value,
  onChange,
  problems: checked,
  refusal,
  rendered = false,
  required = false,
  short = false,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Null: not checked yet. */
  problems: Problem[] | null;
  /** Why the text could not be saved. */
  refusal?: ServerError | undefined;
  /** Problems of single agents are placed in what they get, where lines may differ from these. */
  rendered?: boolean;
  required?: boolean;
  /** One of several on the page, which only speaks up when something is wrong. */
  short?: boolean;
}) {
  const problems = checked ?? refusal?.problems ?? null;
  const id = useId();
  const textarea = useRef<HTMLTextAreaElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const lines = value.split('\n').length;

  const goTo = (line: number, column: number) => {
    const text = textarea.current;
    if (!text || !scroller.current) return;
    const offset = caretOffset(value, line, column);
    text.focus();
    text.setSelectionRange(offset, offset);
    scroller.current.scrollTop = Math.max(0, line - linesAbove) * (text.clientHeight / lines);
  };

  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className={short ? 'editor editor-short' : 'editor'} ref={scroller}>
        <Gutter
          lines={lines}
          problems={(problems ?? []).filter((problem) => !rendered || problem.agentCount === null)}
        />
        <textarea
          id={id}
          ref={textarea}
          className="editor-text"
          aria-describedby={`${id}-problems`}
          aria-invalid={problems?.some(({ severity }) => severity === 'error') || undefined}
          rows={lines}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          required={required}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      </div>
      <div id={`${id}-problems`} className="stack">
        {refusal && !isMended(refusal, checked) && <ErrorNotice errors={[refusal]} />}
        {(!short || (problems && problems.length > 0)) && (
          <ProblemList problems={problems} rendered={rendered} onSelect={goTo} />
        )}
      </div>
    </div>
  );
}

/** Has what the text was refused for gone from it since? */
function isMended(refusal: ServerError, checked: Problem[] | null): boolean {
  return (
    refusal.problems.length > 0 && checked !== null && !checked.some(({ severity }) => severity === 'error')
  );
}

function Gutter({ lines, problems }: { lines: number; problems: Problem[] }) {
  const severities = new Map(problems.map(({ line, severity }) => [line, severity]));
  return (
    <div className="code-gutter editor-gutter" aria-hidden="true">
      {Array.from({ length: lines }, (_, index) => {
        const severity = severities.get(index + 1);
        return (
          <div key={index} className={severity && `editor-line-${severity}`}>
            {index + 1}
          </div>
        );
      })}
    </div>
  );
}
