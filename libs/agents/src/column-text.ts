/** Text beyond this many characters is cut: no person reads it, and every list carries it. */
const maxText = 65_536;

/** jsonb beyond this many characters of text is not stored as it is. */
export const maxJson = 4 * 1024 * 1024;

/** Text as PostgreSQL can keep it: without NUL and lone surrogates, and not without end. */
export function cleanText(text: string, limit = maxText): string {
  if (text.length <= limit && !isUnusual.test(text)) return text;
  const whole = text.replaceAll('\0', '').toWellFormed();
  return whole.length <= limit ? whole : `${whole.slice(0, limit - 1).toWellFormed()}…`;
}

/** Beyond plain ASCII may be what PostgreSQL cannot keep; looking for each of it costs more. */
const isUnusual = /[^ -~]/;

/** A value as JSON text that a jsonb column takes; `changed` when it had to be cleaned for that. */
export function columnJson(value: unknown): { text: string; changed: boolean } {
  const text = JSON.stringify(value);
  if (!/\\u(0000|d[89a-f])/i.test(text)) return { text, changed: false };
  return { text: JSON.stringify(cleanValue(value)), changed: true };
}

function cleanValue(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value, Infinity);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [cleanText(key, Infinity), cleanValue(inner)]),
  );
}
