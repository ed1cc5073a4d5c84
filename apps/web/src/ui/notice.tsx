import type { ReactNode } from 'react';
import type { Tone } from './status-chip.tsx';
import './notice.css';

/** A message that belongs to what is beside it. */
export function Notice({
  tone,
  title,
  role,
  children,
}: {
  tone: Tone;
  title?: string;
  /** `alert` is read out at once. */
  role?: 'alert' | 'status';
  children?: ReactNode;
}) {
  return (
    <div className={`notice notice-${tone}`} role={role}>
      {title !== undefined && <p className="notice-title">{title}</p>}
      {children}
    </div>
  );
}
