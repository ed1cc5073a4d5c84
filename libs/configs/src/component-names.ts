import { parseDocument } from 'yaml';

const sections = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const;

/** What files define, as `receivers/otlp`, sorted. A file that is no YAML has nothing. */
export function componentNames(files: Readonly<Record<string, string>>): string[] {
  const names = Object.values(files).flatMap((text) => {
    const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false });
    if (document.errors.length > 0) return [];
    const root: unknown = document.toJS({ maxAliasCount: 1_000 });
    return sections.flatMap((section) => keysOf(root, section).map((name) => `${section}/${name}`));
  });
  return [...new Set(names)].toSorted();
}

function keysOf(root: unknown, section: string): string[] {
  if (typeof root !== 'object' || root === null || !Object.hasOwn(root, section)) return [];
  const members = (root as Record<string, unknown>)[section];
  return typeof members === 'object' && members !== null && !Array.isArray(members)
    ? Object.keys(members)
    : [];
}
