const units = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3_600 },
  { name: 'min', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/** "12 s ago", "in 3 d"; within five seconds "now". Times in Unix milliseconds. */
export function relativeTime(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1000);
  if (seconds < 5) return 'now';
  const unit = units.find((candidate) => seconds >= candidate.seconds) ?? units[3];
  const text = `${Math.floor(seconds / unit.seconds)} ${unit.name}`;
  return at > now ? `in ${text}` : `${text} ago`;
}
