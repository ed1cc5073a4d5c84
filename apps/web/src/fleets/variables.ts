/** A variable as the next rollout takes it beside what agents have; null: not there. */
export interface ComparedVariable {
  name: string;
  next: string | null;
  stable: string | null;
  change: 'new' | 'changed' | 'removed' | null;
}

/** All variables by name, and how the next ones differ from the stable ones. */
export function compareVariables(
  next: Record<string, string>,
  stable: Record<string, string>,
): ComparedVariable[] {
  const names = [...new Set([...Object.keys(next), ...Object.keys(stable)])].sort((a, b) =>
    a.localeCompare(b),
  );
  return names.map((name) => {
    const compared = { name, next: next[name] ?? null, stable: stable[name] ?? null };
    return { ...compared, change: changeOf(compared) };
  });
}

function changeOf({ next, stable }: { next: string | null; stable: string | null }) {
  if (next === stable) return null;
  if (stable === null) return 'new';
  return next === null ? 'removed' : 'changed';
}
