import { textPlace } from './configuration.ts';
import { InvalidTemplate } from './errors.ts';
import { mergeFiles } from './overlays.ts';
import type { Problem } from './problem.ts';
import { parseYaml, yamlError } from './yaml-text.ts';

/** A finding, and the file it is in: "" is the body. */
export interface FileProblem extends Problem {
  readonly file: string;
}

/**
 * What `check` finds in the files of one agent. Several are looked at as a collector takes them, merged in the
 * order of their names: such findings have a path and no line.
 */
export function validateFiles(
  files: Readonly<Record<string, string>>,
  check: (body: string) => readonly Problem[],
): FileProblem[] {
  const names = Object.keys(files).toSorted();
  const [first = '', ...others] = names;
  if (others.length === 0) return check(files[first] ?? '').map((problem) => ({ ...problem, file: first }));
  try {
    const merged = mergeFiles(
      { place: first, text: files[first]! },
      others.map((place) => ({ place, text: files[place]! })),
    );
    return check(merged).map((problem) => ({ ...problem, file: '', line: null, column: null }));
  } catch (error) {
    if (!(error instanceof InvalidTemplate)) throw error;
    return [toProblem(error)];
  }
}

/** Why no collector can read one of the files; null: all are YAML. */
export function unreadableFile(files: Readonly<Record<string, string>>): InvalidTemplate | null {
  for (const [name, text] of Object.entries(files)) {
    const error = yamlError(textPlace(name), parseYaml(text));
    if (error) return error;
  }
  return null;
}

/** A text that cannot be read or rendered, as a finding in it. */
export function toProblem({ field: file, reason, position }: InvalidTemplate): FileProblem {
  return {
    severity: 'error',
    message: reason,
    path: null,
    line: position?.line ?? null,
    column: position?.column ?? null,
    file,
  };
}
