import type { Tone } from './status-chip.tsx';
import './count-bar.css';

export interface Segment {
  label: string;
  count: number;
  tone: Tone;
}

/** Counts as parts of a whole. The numbers are in the legend; the bar alone is never the message. */
export function CountBar({ label, segments }: { label: string; segments: Segment[] }) {
  const counted = segments.filter((segment) => segment.count > 0);
  const total = counted.reduce((sum, segment) => sum + segment.count, 0);
  let offset = 0;
  return (
    <div className="count-bar" role="group" aria-label={label}>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        {counted.map((segment) => {
          const width = (segment.count / total) * 100;
          const x = offset;
          offset += width;
          return (
            <rect key={segment.label} className={`fill-${segment.tone}`} x={x} width={width} height="1" />
          );
        })}
      </svg>
      <ul>
        {counted.map((segment) => (
          <li key={segment.label}>
            <span className={`swatch fill-${segment.tone}`} aria-hidden="true" />
            <strong>{segment.count.toLocaleString()}</strong> {segment.label}
          </li>
        ))}
        {total === 0 && <li>none</li>}
      </ul>
    </div>
  );
}
