import { useEffect, useId, useRef, type ReactNode } from 'react';
import type { ServerError } from '../server-error.ts';
import { ErrorNotice } from './error-notice.tsx';
import './confirm-dialog.css';

/** Asks before something is done. Mounted while open; Escape and Cancel close it. */
export function ConfirmDialog({
  title,
  action,
  tone = 'danger',
  busy,
  errors,
  onConfirm,
  onCancel,
  children,
}: {
  title: string;
  /** The confirming button's text: what will be done, to what. */
  action: string;
  /** `danger`: it cannot be undone. */
  tone?: 'danger' | 'primary';
  busy: boolean;
  errors: ServerError[];
  onConfirm: () => void;
  onCancel: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => dialog.current?.showModal(), []);

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={titleId} onClose={onCancel}>
      <h2 id={titleId}>{title}</h2>
      <div className="stack">{children}</div>
      <ErrorNotice errors={errors} />
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" className={`button button-${tone}`} disabled={busy} onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}
