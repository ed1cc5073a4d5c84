import { aliasAllowance, resolveAliases } from './yaml-aliases.ts';
import { parseYaml } from './yaml-text.ts';

const sections = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const;

/** What files define, as `receivers/otlp`, sorted. A file that cannot be read has nothing. */
export function componentNames(files: Readonly<Record<string, string>>): string[] {
  const names = Object.values(files).flatMap((text) => {
    const root = plain(text);
    return sections.flatMap((section) => keysOf(root, section).map((name) => `${section}/${name}`));
  });
  return [...new Set(names)].toSorted();
}

function plain(text: string): unknown {
  const { document } = parseYaml(text);
  if (document.errors.length > 0) return null;
  try {
    resolveAliases(document, aliasAllowance, (_node, reason) => {
      throw new Error(reason);
    });
    return document.toJS();
  } catch {
    // aliases without an anchor, or too many
    return null;
  }
}

function keysOf(root: unknown, section: string): string[] {
  if (typeof root !== 'object' || root === null || !Object.hasOwn(root, section)) return [];
  const members = (root as Record<string, unknown>)[section];
  return typeof members === 'object' && members !== null && !Array.isArray(members)
    ? Object.keys(members)
    : [];
}
