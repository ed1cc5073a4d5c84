/** How much a whole word in common counts, against the share of letters that differ. */
const wordInCommon = 0.2;

/** The name that was most likely meant. Names are of words with `_` between. */
export function nearestName(meant: string, names: readonly string[]): string {
  const unlikeness = (name: string) => {
    const words = new Set(name.split('_'));
    const common = meant.split('_').filter((word) => words.has(word)).length;
    return edits(meant, name) / Math.max(meant.length, name.length) - common * wordInCommon;
  };
  return names
    .map((name) => ({ name, unlikeness: unlikeness(name) }))
    .sort((a, b) => a.unlikeness - b.unlikeness)[0]!.name;
}

/** How many letters to add, drop, change or swap with their neighbour (optimal string alignment). */
function edits(from: string, to: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: to.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length]!;
}
