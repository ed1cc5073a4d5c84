import { InvalidSelector } from '@muster/agents/errors';
import { parseSelector } from '@muster/agents/selector';
import { credentialProblems } from './credential-problems.ts';
import type { ConfigurationText, Overlay } from './configuration.ts';
import { InvalidConfiguration, InvalidOverlay } from './errors.ts';
import { hasErrors, type Problem } from './problem.ts';
import { CompiledConfiguration } from './rendering.ts';
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
const maxFiles = 50;
const maxOverlays = 50;

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
  for (const [index, overlay] of overlays.entries()) checkOverlay(`overlays[${index}]`, overlay);
  return { body, files, overlays };
}

/**
 * Checks all that can be said without an agent; a text without variables is checked as what agents get.
 * `perAgent`: do agents get different bytes? Throws `InvalidConfiguration` with every finding,
 * `InvalidTemplate`, `InvalidOverlay`.
 */
export function readConfigurationText(input: ConfigurationInput): ConfigurationText & { perAgent: boolean } {
  const text = readConfigurationInput(input);
  const { perAgent } = new CompiledConfiguration(text);
  const isPlain = Object.keys(text.files).length === 0 && !isTemplate(text.body);
  // What it lacks may come from overlays, or from what agents merge it with.
  const isPart = { isWhole: false };
  refuseErrors(isPlain ? validateConfiguration(text.body, isPart) : credentialProblems(text.body));
  for (const file of Object.values(text.files)) refuseErrors(credentialProblems(file));
  for (const { body } of text.overlays) refuseErrors(credentialProblems(body));
  return { ...text, perAgent };
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
    parseSelector(overlay.selector);
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

function refuseErrors(problems: readonly Problem[]): void {
  if (hasErrors(problems)) throw new InvalidConfiguration(problems);
}
