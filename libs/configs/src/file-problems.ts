import { fileAt, textPlace } from './configuration.ts';
import { InvalidTemplate } from './errors.ts';
import { findInFiles, KeyPlaces } from './key-places.ts';
import { mergeFiles } from './overlays.ts';
import { hasErrors, type Problem } from './problem.ts';
import { parseYaml, yamlError, yamlProblems } from './yaml-text.ts';

/** A finding, and the file it is in: "" is the body, `overlays[0]` an overlay. */
export interface FileProblem extends Problem {
  readonly file: string;
}

/**
 * What `check` finds in the files of one agent. Several are looked at as a collector takes them, merged in the
 * order of their names, and then each finding has the place of the last key that leads to it, where a file has it.
 */
export function validateFiles(
  files: Readonly<Record<string, string>>,
  check: (body: string) => readonly Problem[],
): FileProblem[] {
  const names = Object.keys(files).toSorted();
  const [first = '', ...others] = names;
  if (others.length === 0) {
    return check(files[first] ?? '').map((problem) => ({ ...problem, file: first }));
  }
  const broken = names.flatMap((file) =>
    yamlProblems(parseYaml(files[file]!)).map((problem) => ({ ...problem, file })),
  );
  if (hasErrors(broken)) return broken;
  const part = (file: string) => ({ place: textPlace(file), text: files[file]! });
  try {
    const found = check(mergeFiles(part(first), others.map(part)));
    if (found.length === 0) return [];
    const places = names.map((file) => ({ file, keys: new KeyPlaces(files[file]!) }));
    return found.map((problem) => {
      const { file, line, column } = findInFiles(places, problem.path?.split('.') ?? []);
      return { ...problem, file, line, column };
    });
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
export function toProblem({ field, reason, position }: InvalidTemplate): FileProblem {
  return {
    severity: 'error',
    message: reason,
    path: null,
    line: position?.line ?? null,
    column: position?.column ?? null,
    file: fileAt(field),
  };
}

/** The same the other way round. */
export function toInvalidTemplate({ file, message, path, line, column }: FileProblem): InvalidTemplate {
  const where = path === null ? '' : ` at ${path}`;
  const position = line === null || column === null ? null : { line, column };
  const place = file.startsWith('overlays[') ? file : textPlace(file);
  return new InvalidTemplate(place, `${message}${where}`, null, position);
}

/** Of all of it: something that was not looked at. */
export function warning(message: string): FileProblem {
  return { severity: 'warning', message, path: null, line: null, column: null, file: '' };
}
