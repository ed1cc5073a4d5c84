import { refuseUnreadable } from './configuration-input.ts';
import type { ConfigurationText } from './configuration.ts';
import { credentialProblems } from './credential-problems.ts';
import { InvalidTemplate } from './errors.ts';
import { toProblem, validateFiles, type FileProblem } from './file-problems.ts';
import { CompiledConfiguration, noValues } from './rendering.ts';
import { validateConfiguration } from './validate.ts';

/** What can be said of a text without an agent. */
export interface CheckedTexts {
  /** In its texts, before anything is put in: what agents say of themselves is not its author's. */
  readonly credentials: readonly FileProblem[];
  /** It cannot be rendered for anybody; null: it can. */
  readonly unreadable: FileProblem | null;
  /** Do agents get different bytes? */
  readonly perAgent: boolean;
  /** Of what every agent gets; `perAgent`: none. */
  readonly problems: readonly FileProblem[];
  /** Is there something that every agent gets? */
  readonly isRendered: boolean;
}

export function checkTexts(text: ConfigurationText): CheckedTexts {
  const credentials = credentialsIn(text);
  const nothing = { credentials, perAgent: false, problems: [], isRendered: false };
  try {
    const compiled = new CompiledConfiguration(text);
    if (compiled.foreign) throw compiled.foreign;
    if (compiled.perAgent) {
      refuseUnreadable(text, compiled);
      return { ...nothing, unreadable: null, perAgent: true };
    }
    return { ...nothing, unreadable: null, ...forEverybody(compiled) };
  } catch (error) {
    if (error instanceof InvalidTemplate) return { ...nothing, unreadable: toProblem(error) };
    throw error;
  }
}

function forEverybody(compiled: CompiledConfiguration): Pick<CheckedTexts, 'problems' | 'isRendered'> {
  try {
    const { files } = compiled.render(noValues, []);
    return { problems: validateFiles(files, validateConfiguration), isRendered: true };
  } catch (error) {
    if (!(error instanceof InvalidTemplate)) throw error;
    return { problems: [toProblem(error)], isRendered: false };
  }
}

function credentialsIn({ body, files, overlays }: ConfigurationText): FileProblem[] {
  const texts = [
    ['', body],
    ...Object.entries(files),
    ...overlays.map((overlay, index) => [`overlays[${index}]`, overlay.body]),
  ] as [string, string][];
  return texts.flatMap(([file, text]) => credentialProblems(text).map((problem) => ({ ...problem, file })));
}
