import { Liquid, type Template as LiquidNode } from 'liquidjs';
import { InvalidTemplate } from './errors.ts';

/** What a template may name. Values are text; a name that is not there is an error where it is used. */
export interface TemplateValues {
  readonly agent: Readonly<Record<string, string>>;
  readonly fleet: Readonly<Record<string, string>>;
  /** Of the fleet, set by operators. */
  readonly variables: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a template reads: one value, or (member null) a whole group, as `{{ labels[agent.os] }}` does. */
export interface TemplateVariable {
  readonly group: keyof TemplateValues;
  readonly member: string | null;
}

const groups = new Set<string>(['agent', 'fleet', 'variables', 'labels', 'attributes']);
/** The same inputs must give the same bytes, and a template reads nothing but its inputs. */
const unreliableFilters = ['sample', 'date', 'date_to_xmlschema', 'date_to_rfc822', 'date_to_string'];
const fileTags = ['include', 'render', 'layout', 'block'];
const renderMilliseconds = 500;
const renderMemory = 20_000_000;

const liquid = new Liquid({
  strictVariables: true,
  strictFilters: true,
  // `{% if labels.x %}` and `| default: …` are how an author says that a value may be missing
  lenientIf: true,
  ownPropertyOnly: true,
  templates: {},
  outputEscape: oneLine,
  renderLimit: renderMilliseconds,
  memoryLimit: renderMemory,
  parseLimit: renderMemory,
});
for (const filter of [...unreliableFilters, 'date_to_long_string']) delete liquid.filters[filter];
for (const tag of fileTags) delete liquid.tags[tag];

/** A Liquid template, parsed once and rendered for many agents. The collector's `${env:…}` is plain text to it. */
export class Template {
  readonly variables: readonly TemplateVariable[];
  readonly #nodes: LiquidNode[];
  readonly #place: string;

  /** `place` names the text in errors. Throws `InvalidTemplate`. */
  constructor(text: string, place: string) {
    this.#place = place;
    this.#nodes = told(place, () => liquid.parse(text));
    this.variables = told(place, () => liquid.globalVariableSegmentsSync(this.#nodes)).map((segments) =>
      toVariable(segments, place, this.#nodes),
    );
  }

  /** Throws `InvalidTemplate`, which names the variable that is undefined. */
  render(values: TemplateValues): string {
    return told(this.#place, () => liquid.renderSync(this.#nodes, values) as string);
  }
}

/** Is there anything in the text that a template replaces? */
export function isTemplate(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

function toVariable(
  [group, member]: readonly unknown[],
  place: string,
  nodes: LiquidNode[],
): TemplateVariable {
  if (typeof group !== 'string' || !groups.has(group)) {
    throw new InvalidTemplate(
      place,
      `undefined variable: ${String(group)}; known are ${[...groups].join(', ')}`,
      String(group),
      positionOf(String(group), nodes),
    );
  }
  return {
    group: group as keyof TemplateValues,
    member: typeof member === 'string' || typeof member === 'number' ? String(member) : null,
  };
}

function positionOf(group: string, nodes: LiquidNode[]): { line: number; column: number } | null {
  const { globals } = liquid.analyzeSync(nodes);
  const location = Object.hasOwn(globals, group) ? globals[group]?.[0]?.location : undefined;
  return location ? { line: location.row, column: location.col } : null;
}

/** A value with a line break could add members to the document that its author never wrote. */
function oneLine(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value);
  if (typeof value === 'object' && value !== null)
    throw new Error('a group of values needs a member or | json');
  if (/\p{Cc}/u.test(text))
    throw new Error('a value has line breaks or control characters; use | json, or | raw');
  return text;
}

function told<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof InvalidTemplate) throw error;
    throw toInvalidTemplate(place, error);
  }
}

/** Liquid's errors say ", line:1, col:4" and show the text around it. */
function toInvalidTemplate(place: string, error: Error): InvalidTemplate {
  const [line = ''] = error.message.split('\n');
  const [, message = line, row, column] = /^(.*), line:(\d+), col:(\d+)$/.exec(line) ?? [];
  const variable = /^undefined variable: (.+)$/.exec(message)?.[1] ?? null;
  const position = row === undefined ? null : { line: Number(row), column: Number(column) };
  return new InvalidTemplate(place, message, variable, position);
}
