import { redactMessage } from '@muster/agents/credential-shapes';
import type { FileProblem } from './file-problems.ts';
import { findInFiles, KeyPlaces, type KeyPlace } from './key-places.ts';

/** One thing a collector has against a configuration. */
interface Complaint {
  /** Keys that lead to it; empty: it concerns the whole. */
  path: string[];
  message: string;
  /** Of a text that is no YAML, counted from 1; null: it names none. */
  line: number | null;
  /** What is wrong is the last key itself, or the YAML, whatever values the collector puts in. */
  isLiteral: boolean;
}

const maxComplaints = 50;
const maxMessage = 1000;
const sections = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'];
const section = `(${sections.join('|')})`;
const topLevel = new Set([...sections, 'service']);
const onlyOnHost = ' (with placeholders for values that are known on the host only)';

/**
 * What `otelcol validate` writes of files (names and texts in the order they are merged), as findings with their
 * places. One that depends on what the collector puts in for `${…}` is a warning. Quotes of credentials are left out.
 */
export function problemsOf(
  text: string,
  files: readonly (readonly [name: string, text: string])[],
): FileProblem[] {
  const places = files.map(([file, config]) => ({ file, keys: new KeyPlaces(config) }));
  return complaintsOf(text).map((complaint) => {
    const { file, place } = placeOf(complaint, places);
    const isOpen = dependsOnHost(complaint, places);
    return {
      severity: isOpen ? 'warning' : 'error',
      message: redactMessage(complaint.message) + (isOpen ? onlyOnHost : ''),
      path: complaint.path.length === 0 ? null : complaint.path.join('.'),
      line: place?.line ?? null,
      column: place?.column ?? null,
      file,
    };
  });
}

interface FilePlaces {
  file: string;
  keys: KeyPlaces;
}

function placeOf(
  { path, message, line }: Complaint,
  places: readonly FilePlaces[],
): { file: string; place: KeyPlace | null } {
  const only = places.length === 1 ? places[0] : undefined;
  if (/^(?:yaml|line \d+): /.test(message)) {
    const broken = places.find(({ keys }) => !keys.isSound) ?? only;
    return { file: broken?.file ?? '', place: line === null ? null : (broken?.keys.beginOf(line) ?? null) };
  }
  const reference = /\b(?:file|env|yaml|https?):[^\s"']+/.exec(path.length === 0 ? message : '')?.[0];
  if (reference !== undefined) {
    for (const { file, keys } of places) {
      const place = keys.findReference(reference.replace(/:$/, ''));
      if (place) return { file, place };
    }
  }
  const { file, ...place } = findInFiles(places, path);
  return { file, place };
}

/** Could it be different with the values that only the host has? */
function dependsOnHost({ path, isLiteral }: Complaint, places: readonly FilePlaces[]): boolean {
  const depths = places.map(({ keys }) => keys.find(path).depth);
  const deepest = Math.max(...depths);
  if (isLiteral && (path.length === 0 ? places.some(({ keys }) => !keys.isSound) : deepest === path.length)) {
    return false;
  }
  return places.some(({ keys }, index) => depths[index] === deepest && keys.isOpen(path));
}

const prefixes = new RegExp(
  `^(?:${[
    'Error: ',
    'invalid configuration: ',
    'failed to get config: ',
    'cannot unmarshal the configuration: ',
    'cannot resolve the configuration: ',
    'retrieved value \\(type=\\w+\\) cannot be used as a Conf: ',
    'assuming string type since contents are not valid YAML: ',
  ].join('|')})+`,
);
const header = /^(?:decoding failed due to the following error\(s\):|yaml: unmarshal errors:)?$/;

function complaintsOf(text: string): Complaint[] {
  const complaints: Complaint[] = [];
  /** What is told about: a component or a section, and the member of it. */
  let subject: string[] = [];
  let member: string[] = [];
  const add = (path: string[], message: string, rest: Partial<Complaint> = {}) =>
    complaints.push({ path, message, line: null, isLiteral: false, ...rest });

  for (const raw of text.split('\n')) {
    const line = raw.trim().replace(prefixes, '');
    if (complaints.length >= maxComplaints) break;
    const component = new RegExp(`^'${section}' error reading configuration for "([^"]+)":? *(.*)$`).exec(
      line,
    );
    if (component) {
      subject = [component[1]!, component[2]!];
      member = [];
    }
    const told = component?.[3] ?? line;
    if (header.test(told)) continue;
    const [, unknownIn, unknownId] =
      new RegExp(`^'${section}' unknown type: .* for id: "([^"]+)"`).exec(told) ?? [];
    const [, where, what] = /^([\w./-]+(?:::[^\s:]+)+): (.*)$/.exec(told) ?? [];
    const [, yamlLine] = /^(?:yaml: )?line (\d+): /.exec(told) ?? [];
    const [, quoted, about] = /^'([^']+)' (.*)$/.exec(told) ?? [];
    if (unknownIn !== undefined) {
      add([unknownIn, unknownId!], told.replace(/^'\w+' /, ''), { isLiteral: true });
    } else if (where !== undefined) {
      subject = where.split('::');
      member = [];
      add(subject, what!);
    } else if (yamlLine !== undefined || told.startsWith('yaml: ')) {
      add([], told, { line: yamlLine === undefined ? null : Number(yamlLine), isLiteral: true });
    } else if (quoted !== undefined) {
      const own = isGoType(quoted) ? [] : keysOf(quoted);
      const isHeader = about!.startsWith('decoding failed due');
      const isInComponent = sections.includes(subject[0] ?? '') && subject.length > 1;
      const isAbsolute = topLevel.has(own[0] ?? '') && (!isInComponent || isHeader || own[0] === 'service');
      if (isAbsolute) [subject, member] = [[], []];
      if (isHeader) {
        if (isAbsolute) subject = own;
        else member = own;
        continue;
      }
      for (const each of complaintsAbout([...subject, ...member, ...own], about!, told)) {
        add(each.path, each.message, { isLiteral: each.isLiteral });
      }
    } else add([...subject, ...member], told);
  }
  if (complaints.length === 0) add([], text.trim() || 'it is refused without a reason');
  return complaints.map((complaint) => ({ ...complaint, message: complaint.message.slice(0, maxMessage) }));
}

/** What is said of a member, each unknown key for itself. */
function complaintsAbout(
  path: string[],
  about: string,
  told: string,
): Pick<Complaint, 'path' | 'message' | 'isLiteral'>[] {
  const keys = /^has invalid keys: (.+)$/.exec(about)?.[1]?.split(', ', maxComplaints);
  if (keys) {
    return keys.map((key) => ({
      path: [...path, key],
      message: told.replace(/ has invalid keys: .*$/, ` has invalid keys: ${key}`),
      isLiteral: true,
    }));
  }
  const id = /^in "([^"]+)" id: /.exec(about)?.[1];
  return [{ path: id === undefined ? path : [...path, id], message: told, isLiteral: id !== undefined }];
}

/** `debugexporter.Config` is no path, `service.pipelines[logs].exporters` is one. */
function isGoType(name: string): boolean {
  return /^\w+\.\w*[A-Z]\w*$/.test(name);
}

function keysOf(name: string): string[] {
  return [...name.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, inBrackets, plain]) => inBrackets ?? plain!);
}
