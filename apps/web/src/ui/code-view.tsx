import { CopyButton } from './copy-button.tsx';
import './code-view.css';

/** Text as it is, with line numbers and a way to copy it. */
export function CodeView({ title, text }: { title: string; text: string }) {
  const lines = text.replace(/\n$/, '').split('\n').length;
  return (
    <figure className="code-view">
      <figcaption className="code-view-bar">
        <span className="mono break">{title}</span>
        <CopyButton text={text} />
      </figcaption>
      <div className="code-view-scroll" role="region" aria-label={title} tabIndex={0}>
        <pre className="code-gutter" aria-hidden="true">
          {Array.from({ length: lines }, (_, index) => index + 1).join('\n')}
        </pre>
        <pre className="code-text">{text}</pre>
      </div>
    </figure>
  );
}
