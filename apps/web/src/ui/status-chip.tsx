import type { ReactNode } from 'react';
import './status-chip.css';

/** What a colour says; the text of a chip or a legend always says it, too. */
export type Tone = 'ok' | 'info' | 'warn' | 'bad' | 'idle';

/** A state in one word, with a mark whose shape differs by tone. */
export function StatusChip({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`chip chip-${tone}`}>{children}</span>;
}
