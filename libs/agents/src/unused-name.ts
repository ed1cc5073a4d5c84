/**
 * The name, or with a number where it is used already: names that were told apart by their credentials are not any
 * more. `copies` keeps the numbers from call to call.
 */
export function unusedName(
  name: string,
  used: ReadonlyMap<string, unknown>,
  copies: Map<string, number>,
): string {
  if (!used.has(name)) return name;
  let copy = copies.get(name) ?? 1;
  let next: string;
  do next = `${name} (${++copy})`;
  while (used.has(next));
  copies.set(name, copy);
  return next;
}
