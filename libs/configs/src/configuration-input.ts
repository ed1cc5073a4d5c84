import { InvalidSelector } from '@muster/agents/errors';
import { parseSelector } from '@muster/agents/selector';
import type { ConfigurationText, Overlay } from './configuration.ts';
import { InvalidConfiguration, InvalidOverlay } from './errors.ts';
import { hasErrors } from './problem.ts';
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

/**
 * Checks all that can be said without an agent; a text without variables is checked as what agents get.
 * `perAgent`: do agents get different bytes?
 * Throws `InvalidConfiguration` with every finding, `InvalidTemplate`, `InvalidOverlay`.
 */
export function readConfigurationText(input: ConfigurationInput): ConfigurationText & { perAgent: boolean } {
  const text: ConfigurationText = {
    body: input.body ?? '',
    files: input.files ?? {},
    overlays: (input.overlays ?? []).map(({ selector = '', file = '', body }) => ({ selector, file, body })),
  };
  checkFiles(text.files);
  if (text.overlays.length > maxOverlays) {
    throw new InvalidOverlay('overlays', `a configuration has at most ${maxOverlays} overlays`);
  }
  for (const [index, overlay] of text.overlays.entries()) checkOverlay(`overlays[${index}]`, overlay);
  const { perAgent } = new CompiledConfiguration(text);
  if (Object.keys(text.files).length === 0 && !isTemplate(text.body)) refuseErrors(text.body);
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

function refuseErrors(body: string): void {
  const problems = validateConfiguration(body);
  if (hasErrors(problems)) throw new InvalidConfiguration(problems);
}
