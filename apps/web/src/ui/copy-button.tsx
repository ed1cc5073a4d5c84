import { useEffect, useState } from 'react';

const confirmationMilliseconds = 2_000;

/** Copies text; where the page may not (plain http to another host), says how to do it by hand. */
export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), confirmationMilliseconds);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome('copied');
    } catch {
      setOutcome('refused');
    }
  };

  return (
    <span className="row">
      <span role="status" className="muted">
        {outcome === 'copied' && 'Copied'}
        {outcome === 'refused' && 'Select the text and press Ctrl+C'}
      </span>
      <button type="button" className="button button-small" onClick={() => void copy()}>
        {label}
      </button>
    </span>
  );
}
