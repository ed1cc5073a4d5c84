import { InvalidSelector } from '@muster/agents/errors';
import { parseSelector } from '@muster/agents/selector';
import {
  credentialProblems,
  credentialProblemsInProse,
  refuseRenderedCredentials,
} from './credential-problems.ts';
import { textPlace, type ConfigurationText, type Overlay } from './configuration.ts';
import { InvalidConfiguration, InvalidOverlay } from './errors.ts';
import { unreadableFile } from './file-problems.ts';
import { readBase, readOverlay } from './overlays.ts';
import { hasErrors, type Problem } from './problem.ts';
import { CompiledConfiguration, noValues } from './rendering.ts';
import { isTemplate } from './template.ts';
import { validateConfiguration } from './validate.ts';

/** A configuration's text as its author gives it: the body, or files, or both. */
export interface ConfigurationInput {
  readonly body?: string | undefined;
  readonly files?: Readonly<Record<string, string>> | undefined;
  readonly overlays?: readonly OverlayInput[] | undefined;
}

export interface OverlayInput {
  readonly selector?: string | undefined;
  readonly file?: string | undefined;
  readonly body: string;
}

const fileName = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$/;
/** Of one text, in bytes; a collector's configuration has a hundredth. */
const maxTextBytes = 2 * 1024 * 1024;
const maxFiles = 50;
const maxOverlays = 50;

/** All characters of a configuration's texts. */
export function sizeOfInput({ body = '', files = {}, overlays = [] }: ConfigurationInput): number {
  const texts = [
    body,
    ...Object.values(files),
    ...overlays.flatMap(({ selector = '', body }) => [selector, body]),
  ];
  return texts.reduce((size, text) => size + text.length, 0);
}

/** Throws `InvalidConfiguration` for the first text that is larger than one may be. */
export function checkSizes({ body = '', files = {}, overlays = [] }: ConfigurationInput): void {
  checkSize('body', body);
  for (const [name, text] of Object.entries(files)) checkSize(`files["${name.slice(0, 255)}"]`, text);
  for (const [index, { selector = '', body }] of overlays.entries()) {
    checkSize(`overlays[${index}].selector`, selector);
    checkSize(`overlays[${index}].body`, body);
  }
}

function checkSize(field: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxTextBytes) return;
  const message = `the text has ${bytes} bytes, and one text has at most ${maxTextBytes}: write it as several files, or less of it`;
  const problem = { severity: 'error', message, path: null, line: null, column: null } as const;
  throw new InvalidConfiguration([problem], field);
}

/** The text with its defaults, nothing of which can be a file or an overlay left in. Throws `InvalidOverlay`. */
export function readConfigurationInput(input: ConfigurationInput): ConfigurationText {
  const { body = '', files = {} } = input;
  const overlays = (input.overlays ?? []).map(({ selector = '', file = '', body: text }) => ({
    selector,
    file,
    body: text,
  }));
  checkFiles(files);
  if (overlays.length > maxOverlays) {
    throw new InvalidOverlay('overlays', `a configuration has at most ${maxOverlays} overlays`);
  }
  const isFilesOnly = body === '' && Object.keys(files).length > 0;
  for (const [index, overlay] of overlays.entries()) {
    checkOverlay(`overlays[${index}]`, overlay);
    if (isFilesOnly && overlay.file === '') {
      throw new InvalidOverlay(
        `overlays[${index}].file`,
        `there is no body to merge it onto: name one of the files, ${Object.keys(files).join(', ')}`,
      );
    }
  }
  return { body, files, overlays };
}

/**
 * Checks all that can be said without an agent: a text that is the same for all of them as what they get, one
 * that overlays or other files complete as YAML. `perAgent`: do agents get different bytes? Throws
 * `InvalidConfiguration` with every finding, `InvalidTemplate`, `InvalidOverlay`.
 */
export function readConfigurationText(input: ConfigurationInput): ConfigurationText & { perAgent: boolean } {
  checkSizes(input);
  const text = readConfigurationInput(input);
  const { body, files, overlays } = text;
  const compiled = new CompiledConfiguration(text);
  if (compiled.foreign) throw compiled.foreign;
  const isPlain = Object.keys(files).length === 0 && overlays.length === 0 && !isTemplate(body);
  refuseErrors(isPlain ? validateConfiguration(body) : credentialProblems(body));
  for (const [name, file] of Object.entries(files)) {
    refuseErrors(credentialProblems(name), textPlace('…'));
    refuseErrors(credentialProblems(file), textPlace(name));
  }
  for (const [index, { selector, file, body }] of overlays.entries()) {
    refuseErrors(credentialProblems(selector), `overlays[${index}].selector`);
    refuseErrors(credentialProblems(file), `overlays[${index}].file`);
    refuseErrors(credentialProblems(body), `overlays[${index}].body`);
  }
  if (!isPlain) refuseUnreadable(text, compiled);
  refuseConstantCredentials(compiled);
  return { ...text, perAgent: compiled.perAgent };
}

/**
 * Throws `InvalidTemplate` for the first of its texts that nobody can read or merge. What a template becomes is
 * known where it is rendered, unless nothing is put in.
 */
export function refuseUnreadable(
  { body, files, overlays }: ConfigurationText,
  compiled: CompiledConfiguration,
): void {
  const all = compiled.perAgent ? { ...files, '': body } : compiled.render(noValues, []).files;
  const constant = Object.entries(all).filter(([, text]) => !compiled.perAgent || !isTemplate(text));
  const error = unreadableFile(Object.fromEntries(constant));
  if (error) throw error;
  for (const [name, text] of constant) {
    if (overlays.some(({ file }) => file === name)) readBase({ place: textPlace(name), text });
  }
  for (const [index, overlay] of overlays.entries()) {
    if (!isTemplate(overlay.body)) readOverlay({ place: `overlays[${index}]`, text: overlay.body });
  }
}

/** What a template that reads nothing gives is known now; others are searched when they are rendered. */
function refuseConstantCredentials(compiled: CompiledConfiguration): void {
  const { body, files } = compiled.text;
  if (compiled.perAgent || ![body, ...Object.values(files)].some(isTemplate)) return;
  for (const [name, text] of Object.entries(compiled.render(noValues, []).files)) {
    refuseRenderedCredentials(textPlace(name), text);
  }
}

/** A comment or a description, which everybody may read. Throws `InvalidConfiguration`, which names the field. */
export function refuseCredentials(field: string, prose: string): void {
  refuseErrors(credentialProblemsInProse(prose), field);
}

function checkFiles(files: ConfigurationText['files']): void {
  const names = Object.keys(files);
  if (names.length > maxFiles) {
    throw new InvalidOverlay('files', `a configuration has at most ${maxFiles} files`);
  }
  for (const name of names) checkFileName(`files["${name}"]`, name);
}

function checkOverlay(field: string, overlay: Overlay): void {
  if (overlay.file !== '') checkFileName(`${field}.file`, overlay.file);
  try {
    const { requirements } = parseSelector(overlay.selector);
    if (requirements.some(({ source }) => source === 'token')) {
      throw new InvalidSelector(
        'overlays match labels and attributes: give the token a label, such as label:site=edge',
        0,
      );
    }
  } catch (error) {
    if (!(error instanceof InvalidSelector)) throw error;
    throw new InvalidOverlay(`${field}.selector`, error.message);
  }
}

function checkFileName(field: string, name: string): void {
  if (fileName.test(name)) return;
  throw new InvalidOverlay(
    field,
    'a file\'s name has 1 to 255 letters, digits, ".", "_" or "-", and begins and ends with a letter or digit',
  );
}

function refuseErrors(problems: readonly Problem[], field = 'body'): void {
  if (hasErrors(problems)) throw new InvalidConfiguration(problems, field);
}
