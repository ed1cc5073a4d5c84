import { redactMessage } from '@muster/agents/credential-shapes';
import { isMap, isScalar } from 'yaml';
import { parseYaml, type YamlText } from './yaml-text.ts';
import type { Problem } from './problem.ts';

/** One thing a collector has against a configuration. */
interface Complaint {
  /** Keys that lead to it; empty: it concerns the whole. */
  path: string[];
  message: string;
}

const maxComplaints = 50;
const maxMessage = 1000;
const section = '(receivers|processors|exporters|connectors|extensions)';

/** What `otelcol validate` writes, as findings with their places in the texts. Quotes of credentials are left out. */
export function problemsOf(
  text: string,
  configs: readonly string[],
  severity: Problem['severity'],
): Problem[] {
  const complaints = complaintsOf(text);
  const places = configs.map((config) => new Places(config));
  return complaints.map(({ path, message }) => {
    const place = places.map((one) => one.find(path)).toSorted((a, b) => b.depth - a.depth)[0];
    return {
      severity,
      message: redactMessage(message),
      path: path.length === 0 ? null : path.join('.'),
      line: place?.line ?? null,
      column: place?.column ?? null,
    };
  });
}

function complaintsOf(text: string): Complaint[] {
  const complaints: Complaint[] = [];
  /** The component that is told about, and the member of it. */
  let component: string[] = [];
  let member: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw
      .trim()
      .replace(
        /^(?:Error: |invalid configuration: |failed to get config: |cannot unmarshal the configuration: )+/,
        '',
      );
    if (line === '' || complaints.length === maxComplaints) continue;
    const [, kind, name, rest] =
      new RegExp(`^'${section}' error reading configuration for "([^"]+)":? *(.*)$`).exec(line) ?? [];
    if (kind !== undefined) {
      component = [kind, name!];
      member = [];
    }
    const told = kind === undefined ? line : rest!;
    const [, unknownIn, unknownId] =
      new RegExp(`^'${section}' unknown type: .* for id: "([^"]+)"`).exec(told) ?? [];
    const [, where, what] = /^([\w./-]+(?:::[^\s:]+(?:\/[^\s:]*)?)+): (.*)$/.exec(told) ?? [];
    const inMember = /^'([\w.[\]-]*)' decoding failed/.exec(told)?.[1];
    if (unknownIn !== undefined) {
      complaints.push({ path: [unknownIn, unknownId!], message: told.replace(/^'\w+' /, '') });
    } else if (where !== undefined) complaints.push({ path: where.split('::'), message: what! });
    else if (inMember !== undefined) member = inMember.split('.').filter((part) => part !== '');
    else if (!/^(?:decoding failed due to the following error\(s\):)?$/.test(told)) {
      const own = /^'([a-z_0-9.]+)' (?!has invalid keys)/.exec(told)?.[1]?.split('.') ?? [];
      complaints.push({
        path: [...component, ...(component.length > 0 ? [...member, ...own] : [])],
        message: told,
      });
    }
  }
  if (complaints.length === 0)
    complaints.push({ path: [], message: text.trim() || 'it is refused without a reason' });
  return complaints.map(({ path, message }) => ({ path, message: message.slice(0, maxMessage) }));
}

/** Finds keys in a text. */
class Places {
  readonly #text: YamlText;

  constructor(config: string) {
    this.#text = parseYaml(config);
  }

  /** The place of the last key of the path that there is; depth 0: none is. */
  find(path: readonly string[]): { depth: number; line: number | null; column: number | null } {
    let node: unknown = this.#text.document.contents;
    let depth = 0;
    let offset: number | undefined;
    for (const name of path) {
      const pair = isMap(node) && node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (!pair || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0];
      node = pair.value;
      depth++;
    }
    const place = offset === undefined ? null : this.#text.lines.linePos(offset);
    return { depth, line: place?.line ?? null, column: place?.col ?? null };
  }
}
