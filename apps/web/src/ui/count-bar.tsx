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
  const total = sumOf(counted);
  return (
    <div className="count-bar" role="group" aria-label={label}>
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        {counted.map((segment, index) => (
          <rect
            key={segment.label}
            className={`fill-${segment.tone}`}
            x={percentOf(counted.slice(0, index), total)}
            width={percentOf([segment], total)}
            height="1"
          />
        ))}
      </svg>
      <ul>
        {counted.map((segment) => (
          <li key={segment.label}>
            <span className={`swatch fill-${segment.tone}`} aria-hidden="true" />
            <strong>{segment.count.toLocaleString()}</strong> {segment.label}
          </li>
        ))}
        {total === 0 && <li>no agents</li>}
      </ul>
    </div>
  );
}

function percentOf(segments: Segment[], total: number) {
  return (sumOf(segments) / total) * 100;
}

function sumOf(segments: Segment[]) {
  return segments.reduce((sum, { count }) => sum + count, 0);
}
