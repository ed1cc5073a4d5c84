/** The offset of a line and column, both counted from 1, held within the text. */
export function caretOffset(text: string, line: number, column: number): number {
  const lines = text.split('\n');
  const row = Math.min(Math.max(line, 1), lines.length) - 1;
  const start = lines.slice(0, row).reduce((sum, each) => sum + each.length + 1, 0);
  const width = lines[row]?.length ?? 0;
  return start + Math.min(Math.max(column, 1) - 1, width);
}
