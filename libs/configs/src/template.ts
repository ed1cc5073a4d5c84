import {
  AssignTag,
  Context,
  Liquid,
  toValue,
  toValueSync,
  type Emitter,
  type Template as LiquidNode,
  type Value,
} from 'liquidjs';
import { InvalidTemplate } from './errors.ts';
import { foreignBraces, keepBraces } from './template-braces.ts';

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

/** What lists show of an agent, and templates read. */
export const agentMembers = ['uid', 'name', 'type', 'version', 'os', 'arch', 'hostname'] as const;

/** Members of each group; null: whatever operators and agents name. */
const groups: Readonly<Record<keyof TemplateValues, readonly string[] | null>> = {
  agent: agentMembers,
  fleet: ['name'],
  variables: null,
  labels: null,
  attributes: null,
};
/** The same inputs must give the same bytes, and a template reads nothing but its inputs. */
const unreliableFilters = ['sample', 'date', 'date_to_xmlschema', 'date_to_rfc822', 'date_to_string'];
const fileTags = ['include', 'render', 'layout', 'block'];
/** A collector's configuration of 64 KiB takes a few. */
const renderMilliseconds = 50;
/** Of what filters and ranges make, in characters and items. */
const renderMemory = 2_000_000;
/** Characters that a template may become. */
const maxLength = 2_000_000;

/** Tags of a text times its characters: where each tag is, is counted from the beginning of the text. */
const mostTagWork = 50_000_000;

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
  parseLimit: 10_000_000,
});
for (const filter of [...unreliableFilters, 'date_to_long_string']) delete liquid.filters[filter];
for (const tag of fileTags) delete liquid.tags[tag];

/** Liquid's own is lenient as `if` is: what is undefined would become nothing, without a word. */
class StrictAssign extends AssignTag {
  override *render(context: Context): Generator<unknown, void, unknown> {
    const [value] = this.arguments() as Iterable<Value>;
    const [name] = this.localScope();
    context.bottom()[name!.content] = yield value!.value(context, false);
  }
}
liquid.registerTag('assign', StrictAssign);

/** A Liquid template, parsed once and rendered for many agents. The collector's `${env:…}` is plain text to it. */
export class Template {
  readonly variables: readonly TemplateVariable[];
  /** What in it looks like a template and is none. It renders all the same: older versions may have it. */
  readonly foreign: InvalidTemplate | null;
  readonly #nodes: LiquidNode[];
  readonly #place: string;
  /** Groups of which it may read `size`, which Liquid would count. */
  readonly #sized: ReadonlySet<keyof TemplateValues>;

  /** `place` names the text in errors. Throws `InvalidTemplate`. */
  constructor(text: string, place: string) {
    this.#place = place;
    this.#nodes = told(place, () => liquid.parse(text));
    refuseTooManyTags(text, place);
    this.variables = told(place, () => liquid.globalVariableSegmentsSync(this.#nodes)).map((segments) =>
      toVariable(segments, place, this.#nodes),
    );
    this.foreign = text.includes('{{') ? foreignBraces(text, place) : null;
    const sized = this.variables.filter(({ member }) => member === null || member === 'size');
    this.#sized = new Set(sized.map(({ group }) => group));
  }

  /** Throws `InvalidTemplate`, which names the variable that is undefined. */
  render(values: TemplateValues): string {
    return this.renderPieces(values).join('');
  }

  /** The same in pieces: what its author wrote, and what was put in, each for itself. */
  renderPieces(values: TemplateValues): string[] {
    const scope = this.#sized.size === 0 ? values : this.#uncounted(values);
    const pieces = told(this.#place, () => renderInTime(this.#nodes, scope));
    if (pieces.reduce((length, piece) => length + piece.length, 0) > maxLength)
      throw new InvalidTemplate(this.#place, `becomes more than ${maxLength} characters`, null, null);
    return pieces;
  }

  /** `labels.size` is the label of that name, or undefined. */
  #uncounted(values: TemplateValues): TemplateValues {
    const groups = Object.entries(values).map(([group, members]) => [
      group,
      this.#sized.has(group as keyof TemplateValues) && !Object.hasOwn(members, 'size')
        ? Object.defineProperty({ ...members }, 'size', { value: undefined, enumerable: false })
        : members,
    ]);
    return Object.fromEntries(groups) as TemplateValues;
  }
}

/** A stall of this machine is not the template's fault: who takes too long is asked once more. */
function renderInTime(nodes: LiquidNode[], values: TemplateValues): string[] {
  try {
    return renderNodes(nodes, values);
  } catch (error) {
    if (!tookTooLong(error)) throw error;
    return renderNodes(nodes, values);
  }
}

function renderNodes(nodes: LiquidNode[], values: TemplateValues): string[] {
  const context = new Context(values, liquid.options, { sync: true }, { liquid });
  const pieces = new Pieces();
  toValueSync(liquid.renderer.renderTemplates(nodes, context, pieces));
  return pieces.written;
}

/** Keeps apart what Liquid's own emitters join. */
class Pieces implements Emitter {
  readonly written: string[] = [];
  /** Liquid's interface has it; what is read is `written`. */
  readonly buffer = '';

  write(value: unknown): void {
    this.written.push(textOf(value));
  }
}

/** As Liquid writes values. */
function textOf(value: unknown): string {
  const plain: unknown = toValue(value);
  if (Array.isArray(plain)) return plain.map(textOf).join('');
  return plain === null || plain === undefined ? '' : String(plain);
}

const timeLimit = 'template render limit exceeded';

function tookTooLong(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith(timeLimit);
}

function refuseTooManyTags(text: string, place: string): void {
  let tags = 0;
  for (let at = text.indexOf('{'); at !== -1; at = text.indexOf('{', at + 1)) {
    if (text[at + 1] === '{' || text[at + 1] === '%') tags++;
  }
  const most = Math.floor(mostTagWork / Math.max(1, text.length));
  if (tags <= most) return;
  const reason = `has ${tags} tags ({{ … }} and {% … %}), and a text of ${text.length} characters may have ${most}: write it as several files`;
  throw new InvalidTemplate(place, reason, null, null);
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
  const undefinedVariable = (name: string, known: readonly string[]) => {
    const meant = isGroup(String(group)) ? '' : `; ${keepBraces}`;
    const reason = `undefined variable: ${name}; known are ${known.join(', ')}${meant}`;
    return new InvalidTemplate(place, reason, name, positionOf(name, nodes));
  };
  if (typeof group !== 'string' || !isGroup(group))
    throw undefinedVariable(String(group), Object.keys(groups));
  const name = typeof member === 'string' || typeof member === 'number' ? String(member) : null;
  const members = groups[group];
  if (name !== null && members && !members.includes(name)) {
    const known = members.map((each) => `${group}.${each}`);
    throw undefinedVariable(`${group}.${name}`, known);
  }
  return { group, member: name };
}

function isGroup(name: string): name is keyof TemplateValues {
  return Object.hasOwn(groups, name);
}

/** Where a group, or a member of one, is named first. */
function positionOf(name: string, nodes: LiquidNode[]): { line: number; column: number } | null {
  const all = Object.values(liquid.analyzeSync(nodes).globals).flat();
  const named = all.find(({ segments }) => segments[0] === name || segments.slice(0, 2).join('.') === name);
  const location = named?.location;
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
  return new InvalidTemplate(place, inOurWords(message), variable, position);
}

/** What Liquid says of braces that may not have been meant for it. */
const notLiquid = /not closed|not found|^(?:illegal|invalid|expected|unexpected) /;

function inOurWords(message: string): string {
  if (message.startsWith(timeLimit))
    return `takes more than ${renderMilliseconds} ms to render: it loops too much`;
  if (message.includes('call stack')) return 'its blocks are nested too deeply';
  return notLiquid.test(message) ? `${message}: ${keepBraces}` : message;
}
