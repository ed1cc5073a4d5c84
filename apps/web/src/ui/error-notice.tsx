import type { ServerError } from '../server-error.ts';
import { Notice } from './notice.tsx';

/** What the server refused, in its words. Nothing when there is nothing. */
export function ErrorNotice({ errors }: { errors: ServerError[] }) {
  if (errors.length === 0) return null;
  return (
    <Notice tone="bad" role="alert">
      {errors.map((error) => (
        <p key={`${error.code} ${error.field ?? ''} ${error.message}`}>{error.message}</p>
      ))}
    </Notice>
  );
}
