export interface LabelRow {
  /** Tells rows apart while their names are being typed. */
  id: number;
  name: string;
  value: string;
}

/** Labels as rows to edit, sorted by name. */
export function toRows(labels: Record<string, string>): LabelRow[] {
  return Object.entries(labels)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value], id) => ({ id, name, value }));
}

/** Rows as labels, or why they are none. Rows without name and value are left out. */
export function fromRows(rows: LabelRow[]): { labels: Record<string, string> } | { error: string } {
  const labels = new Map<string, string>();
  for (const row of rows) {
    const name = row.name.trim();
    const value = row.value.trim();
    if (name === '' && value === '') continue;
    if (name === '') return { error: `The value "${value}" has no label name.` };
    if (labels.has(name)) return { error: `The label "${name}" is there twice.` };
    labels.set(name, value);
  }
  return { labels: Object.fromEntries(labels) };
}
