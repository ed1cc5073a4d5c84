const leadingVersion = /^v?(\d{1,9}(?!\d)(?:\.\d{1,9}(?!\d))*)/;
const parts = 4;
/** What four numbers of nine digits can take, and more. */
const longest = 64;

/**
 * The numbers a version begins with, four of them: "v0.149.0-rc.1" is [0, 149, 0, 0]. What follows them
 * does not count. Null: the text begins with no version.
 */
export function versionNumbers(text: string): number[] | null {
  const numbers = leadingVersion.exec(text.slice(0, longest))?.[1]!.split('.').map(Number);
  return numbers ? Array.from({ length: parts }, (_, index) => numbers[index] ?? 0) : null;
}

/** Below 0: `a` comes first. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((number, at) => number !== b[at]);
  return index < 0 ? 0 : a[index]! - b[index]!;
}
