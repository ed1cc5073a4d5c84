import './version-bars.css';

const shown = 8;

/** How many agents run which version, most first. */
export function VersionBars({ versions }: { versions: { name: string; count: number }[] }) {
  const sorted = versions.toSorted((a, b) => b.count - a.count);
  const most = sorted[0]?.count ?? 0;
  if (most === 0) return <p className="muted">No agents yet.</p>;
  return (
    <>
      <ul className="version-bars">
        {sorted.slice(0, shown).map(({ name, count }) => (
          <li key={name}>
            <span className="break">{name || 'not reported'}</span>
            <progress value={count} max={most} aria-label={name || 'not reported'} />
            <strong>{count.toLocaleString()}</strong>
          </li>
        ))}
      </ul>
      {sorted.length > shown && <p className="muted">and {sorted.length - shown} more versions</p>}
    </>
  );
}
