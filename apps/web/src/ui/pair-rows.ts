export interface PairRow {
  /** Tells rows apart while their names are being typed. */
  id: number;
  name: string;
  value: string;
}

/** Names with values, such as labels, as rows to edit, sorted by name. */
export function toRows(pairs: Record<string, string>): PairRow[] {
  return Object.entries(pairs)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value], id) => ({ id, name, value }));
}

/**
 * Rows as names with values, or why they are none. Rows without name and value are left out. `noun` is what
 * one of them is called, as in "label".
 */
export function fromRows(
  rows: PairRow[],
  noun: string,
): { pairs: Record<string, string> } | { error: string } {
  const pairs = new Map<string, string>();
  for (const row of rows) {
    const name = row.name.trim();
    const value = row.value.trim();
    if (name === '' && value === '') continue;
    if (name === '') return { error: `The value "${value}" has no ${noun} name.` };
    if (pairs.has(name)) return { error: `The ${noun} "${name}" is there twice.` };
    pairs.set(name, value);
  }
  return { pairs: Object.fromEntries(pairs) };
}
