import type { ServerError } from '../server-error.ts';
import './selector-error.css';

/** What is wrong with a selector, with a mark under the place when the server knows it. */
export function SelectorError({ selector, error }: { selector: string; error: ServerError }) {
  return (
    <>
      {error.position !== null && (
        <pre className="selector-error">
          {selector}
          {'\n'}
          {' '.repeat(error.position)}^
        </pre>
      )}
      {error.message}
    </>
  );
}
